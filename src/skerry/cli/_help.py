"""What ``--help`` adds to the list of options: exit codes, examples."""

from __future__ import annotations

KEPT = "\b"  # at the start of a paragraph: its line ends stay
BEGIN, ONE, MANY = "To see it work", "One observation", "Many observations of one model"
RUNS, FILES = "Runs", "File mode: for queues in which nothing may wait"
PROBLEM_FILE = "\n".join(
    (
        KEPT,
        "A problem.py:",
        "  import scipy.stats as st, skerry",
        "  def log_likelihood(theta):  # (n, 2), a point in each row -> (n,)",
        "      return -0.5 * ((theta[:, 0] ** 2 - 4) ** 2 + (theta[:, 1] / 0.3) ** 2)",
        '  prior = skerry.Prior({"x": st.uniform(-5, 10), "y": st.norm(0, 2)})',
        "  problem = skerry.Problem(prior, log_likelihood)",
    )
)
EXIT_CODES = "\n".join(
    (
        KEPT,
        "Exit codes:",
        "  0    done; read the status: a run that fell short ends with 0 too",
        "  1    a failed likelihood call, a store that can't be written, or a fault",
        "  2    input that can't be used",
        "  3    points are lacking: evaluate the chunks, then `skerry collect` again",
        "  75   stopped by SIGTERM or --max-seconds; the same command goes on (--store)",
        "  130  stopped by Ctrl-C; what an adaptive run knew by then is in its folder;",
        "       the way to end `skerry explore`",
        "  143  stopped by SIGTERM without a store",
        "Answers go to standard output, progress to the error stream, as lines where that",
        "is no terminal. NO_COLOR=1 turns colours off, too.",
    )
)


def _examples(*lines: str) -> str:
    return "\n".join((KEPT, "Examples:", *(f"  {line}" for line in lines)))


EXAMPLES = {
    "demo": _examples(
        "skerry demo", "skerry demo --quick --out /tmp/demo", "skerry demo --quiet --json"
    ),
    "study": _examples("skerry study", "skerry study --full --workers 4"),
    "infer": _examples(
        "skerry infer problem.py",
        "skerry infer problem.py --effective 5000 --seed 1 --out run1",
        "skerry infer problem.py --store run1.store --workers 8 --max-seconds 3500",
        "skerry infer problem.py --n 100000 --density mixture_base",
        "skerry infer problem.py --quiet --json > answer.json",
    )
    + "\n\n"
    + PROBLEM_FILE,
    "fit": _examples(
        "skerry fit scan.csv --prior problem.py",
        "skerry fit kept --prior problem.py",
        "skerry fit points.parquet --prior problem.py --density islands --out refit",
    ),
    "amortize": _examples(
        "skerry amortize problem.py", "skerry amortize problem.py --n 50000 --out estimator"
    ),
    "posterior": _examples(
        "skerry posterior skerry-problem-estimator/estimator.npz --x 1.0,2.5",
        "skerry posterior estimator.npz --x data.csv --problem problem.py --effective 2000",
    ),
    "explore": _examples(
        "skerry explore",
        "skerry explore estimator.npz --problem problem.py",
        "skerry explore estimator.npz --x data.csv --port 5006 --no-browser",
    ),
    "propose": _examples(
        "skerry propose run1 problem.py --n 20 --job-script slurm", "skerry propose run1 --json"
    ),
    "evaluate": _examples(
        "skerry evaluate run1 --chunk 3",
        "skerry evaluate run1 --chunk 3 --program ./likelihood",
    ),
    "collect": _examples("skerry collect run1", "skerry collect run1 --json"),
    "report": _examples(
        "skerry report skerry-problem",
        "skerry report posterior.npz --out answer.html",
        "skerry report skerry-problem --problem problem.py",
        "skerry report skerry-problem --json",
    ),
    "export": _examples(
        "skerry export skerry-problem chains/run1 --to getdist",
        "skerry export skerry-problem samples.parquet --to parquet",
    ),
}
