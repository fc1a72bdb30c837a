#!/bin/sh
#SBATCH --job-name=ropeconv-convert
# Converts the model once; every shard reads the result.
set -eu
set -- convert "$MODEL" --to "$SITES" -o "$OUT/model.gguf" --force --json --threads "${SLURM_CPUS_ON_NODE:-1}"
[ -z "$CALIBRATE" ] || set -- "$@" --calibrate "$CALIBRATE"
"$ROPECONV" "$@" > "$OUT/convert.json"
