"""Real clusters: dask, MPI, loky. Each where its package is installed; see the extra ``clusters``.

Set SKERRY_CLUSTERS=1 to make a missing one an error.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import skerry

pytestmark = pytest.mark.statistical

BODY = """
import sys, warnings
import numpy as np, scipy.stats as st, skerry

def main(pool):
    prior = skerry.Prior({"a": st.norm(0, 2), "b": st.norm(0, 2)})
    shift = np.array([1.0, 2.0])
    problem = skerry.Problem(
        prior, lambda theta: -np.sum((theta - shift) ** 2, axis=1), jax=False
    )
    options = {"scheme": skerry.Static(2000, density="islands"), "n_effective": 50}
    alone = skerry.infer(problem, **options)
    found = skerry.infer(problem, executor=pool, **options)
    assert (found.samples == alone.samples).all()
    assert (found.log_weights == alone.log_weights).all()
    bad = skerry.Problem(
        prior, lambda t: np.where(t[:, 0] > 1, np.nan, -np.sum(t**2, axis=1)), jax=False
    )
    failed = skerry.infer(bad, executor=pool, failures="drop", **options)
    assert 100 < failed.n_failed < 1000
    print("the same")
"""
DASK = """
    from dask.distributed import Client, LocalCluster

    if __name__ == "__main__":
        cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        )
        with cluster, Client(cluster) as client:
            from skerry.execution._futures import count_workers
            assert count_workers(client.get_executor()) == 2
            main(client.get_executor())
"""
MPI = """
    from mpi4py.futures import MPIPoolExecutor

    if __name__ == "__main__":
        with MPIPoolExecutor() as pool:
            main(pool)
"""
LOKY = """
    import loky

    if __name__ == "__main__":
        main(loky.get_reusable_executor(2))
"""


def needs(*packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing and not os.environ.get("SKERRY_CLUSTERS"):
        pytest.skip(f"{', '.join(missing)} not installed (extra: clusters)")
    assert not missing


def run(tmp_path, text, *before, options=()):
    import textwrap

    script = tmp_path / "script.py"
    script.write_text(BODY + textwrap.dedent(text))
    source = Path(skerry.__file__).parent.parent
    done = subprocess.run(
        [*before, sys.executable, *options, str(script)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same" in done.stdout


def test_dask(tmp_path):
    needs("distributed")
    run(tmp_path, DASK)


def test_loky(tmp_path):
    needs("loky")
    run(tmp_path, LOKY)


def test_mpi(tmp_path):
    needs("mpi4py")
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None and not os.environ.get("SKERRY_CLUSTERS"):
        pytest.skip("no mpiexec")
    run(tmp_path, MPI, mpiexec, "-n", "3", options=("-m", "mpi4py.futures"))
