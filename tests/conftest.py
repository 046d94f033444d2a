"""One thread of linear algebra a process.

The matrices here are small; on a machine that others share, threads which wait for each other cost
up to a hundred times the work.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
