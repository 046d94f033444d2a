"""Hostile inputs by the hundred thousand, at every door; prints what came of them.

usage: python benchmarks/fuzz.py [--scale 1.0] [--seed 0] [--door NAME ...] [--n N]

Each input must be taken or refused with an error of Skerry's own (the command line: a documented
exit code, a message, no traceback), within 10 CPU seconds and 3 GB; a file that unpickling would
make must never appear. Exits with 1 otherwise, naming the cases: the same seed makes them again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

SHARES = {
    "table_csv": 18_000,
    "table_npz": 12_000,
    "table_parquet": 5_000,
    "observation": 8_000,
    "prior": 1_500,
    "chunk": 28_000,
    "store": 2_000,
    "posterior_bytes": 11_300,
    "posterior_inside": 2_000,
    "estimator_bytes": 10_000,
    "estimator_inside": 1_200,
    "command": 1_000,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--door", nargs="*", choices=sorted(SHARES))
    parser.add_argument("--n", type=int)
    options = parser.parse_args()

    from fuzzing import doors, driver, seeds
    from fuzzing.commands import command, shortened

    every = {**doors.DOORS, "command": command}
    assert set(every) == set(SHARES)
    chosen = options.door or list(SHARES)
    seeds.posteriors(), seeds.estimators()
    driver.drive("posterior_inside", doors.posterior_inside, 3)
    driver.limit_memory()
    total, faults = 0, 0
    for name in chosen:
        n = options.n or max(1, round(options.scale * SHARES[name]))
        began = time.process_time()
        with shortened() if name == "command" else nullcontext():
            report = driver.drive(name, every[name], n, seed=options.seed)
        seconds = time.process_time() - began
        line = {"door": name, "inputs": n, **report.outcomes, "cpu_s": round(seconds, 1)}
        print(json.dumps(line), flush=True)
        for text, (count, case, said) in sorted(report.faults.items(), key=lambda f: -f[1][0]):
            print(f"  {count} x {text} (first: case {case}: {said})", flush=True)
        total, faults = total + n, faults + report.outcomes["fault"]
    print(f"{total:,} inputs, {faults:,} faults", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
