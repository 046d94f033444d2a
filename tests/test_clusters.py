"""Real clusters: dask, MPI, loky; `make clusters`, which `make test` does too.

Each is skipped where its package is missing; SKERRY_CLUSTERS=1 makes that an error.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import skerry

pytestmark = [pytest.mark.statistical, pytest.mark.clusters]

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
DYING = """
    import os, signal, time
    from pathlib import Path
    from dask.distributed import Client, LocalCluster

    if __name__ == "__main__":
        flags = Path(sys.argv[1])
        flags.mkdir()
        prior = skerry.Prior({"a": st.norm(0, 2), "b": st.norm(0, 2)})
        options = {"scheme": skerry.Static(300, density="islands"), "n_effective": 50}

        def values(theta):
            return -np.sum(theta**2, axis=1) / 50

        alone = skerry.infer(skerry.Problem(prior, values, jax=False), **options)
        first, second = alone.samples[100, 0], alone.samples[200, 0]

        def deadly(theta):
            for name, place in (("first", first), ("second", second)):
                if np.any(theta[:, 0] == place) and not (flags / name).exists():
                    (flags / name).touch()
                    time.sleep(2.0)  # dask gives up workers that die while they start
                    os.kill(os.getpid(), signal.SIGKILL)
            return values(theta)

        cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        )
        with cluster, Client(cluster) as client:
            pool = skerry.Workers(client, chunk_size=2)
            found = skerry.infer(skerry.Problem(prior, deadly, jax=False), executor=pool, **options)
        assert len(list(flags.iterdir())) == 2
        assert (found.samples == alone.samples).all()
        assert (found.log_weights == alone.log_weights).all()
        print("the same")
"""
MPI = """
    from mpi4py.futures import MPIPoolExecutor

    if __name__ == "__main__":
        with MPIPoolExecutor() as pool:
            main(pool)
"""
MPI_DYING = """
    import os, signal
    from pathlib import Path
    from mpi4py.futures import MPIPoolExecutor

    FLAG, STORE = Path(sys.argv[1]), Path(sys.argv[1]).with_name("store")

    def log_likelihood(theta):
        with open(FLAG.with_name(f"calls{os.getpid()}"), "a") as file:
            file.write("x" * len(theta))
            if len(list(STORE.glob("chunks/chunk-*"))) >= 3 and not FLAG.exists():
                FLAG.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return -np.sum(theta**2, axis=1)

    if __name__ == "__main__":
        prior = skerry.Prior({"a": st.norm(0, 2), "b": st.norm(0, 2)})
        problem = skerry.Problem(prior, log_likelihood, jax=False)
        options = {"scheme": skerry.Static(2000, density="islands"), "n_effective": 50}
        with MPIPoolExecutor() as pool:
            found = skerry.infer(
                problem, executor=skerry.Workers(pool, chunk_size=50),
                store=skerry.Store(STORE, unsaved_seconds=0.0), **options
            )
        plain = skerry.Problem(prior, lambda theta: -np.sum(theta**2, axis=1), jax=False)
        alone = skerry.infer(plain, **options)
        assert (found.samples == alone.samples).all()
        calls = sum(p.stat().st_size for p in FLAG.parent.glob("calls*"))
        assert 2000 <= calls <= 2000 + 12 + 8 * 50, calls  # again: those under way at the death
        print("the same")
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


def start(tmp_path, text, *before, options=()):
    script = tmp_path / "script.py"
    script.write_text(BODY + textwrap.dedent(text))
    source = Path(skerry.__file__).parent.parent
    return subprocess.run(
        [*before, sys.executable, *options, str(script), str(tmp_path / "flag")],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
    )


def run(*args, **options):
    done = start(*args, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same" in done.stdout


def mpiexec():
    needs("mpi4py")
    beside = Path(sys.executable).with_name("mpiexec")
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None and not os.environ.get("SKERRY_CLUSTERS"):
        pytest.skip("no mpiexec")
    return found, "-n", "3"


def test_dask(tmp_path):
    needs("distributed")
    run(tmp_path, DASK)


def test_dask_workers_that_die_cost_nothing(tmp_path):
    needs("distributed")
    run(tmp_path, DYING)


def test_loky(tmp_path):
    needs("loky")
    run(tmp_path, LOKY)


def test_mpi(tmp_path):
    run(tmp_path, MPI, *mpiexec(), options=("-m", "mpi4py.futures"))


def test_an_mpi_job_whose_rank_dies_goes_on_from_its_store(tmp_path):
    job = mpiexec()
    died = start(tmp_path, MPI_DYING, *job, options=("-m", "mpi4py.futures"))
    assert died.returncode != 0
    assert (tmp_path / "flag").exists()
    run(tmp_path, MPI_DYING, *job, options=("-m", "mpi4py.futures"))
