#!/bin/sh
# The whole loop on one machine: four chunks a round, each filled by a process of its own.
# On a cluster, `sbatch --wait run/job.sh` takes the place of the inner loop (--job-script slurm).
set -e
cd "$(dirname "$0")"
make --quiet likelihood
skerry propose run prior.toml --n 4 --effective 2000 --quiet
until skerry collect run; do
    [ $? -eq 3 ] || exit 1
    for chunk in 1 2 3 4; do
        skerry evaluate run --chunk $chunk --program ./likelihood --quiet &
    done
    wait
done
