#!/bin/sh
#SBATCH --job-name=ropeconv-score
#SBATCH --requeue
# One shard. Requeued after a failure of its machine it continues from its state file.
set -eu
shard=$SLURM_ARRAY_TASK_ID
# shellcheck disable=SC2086 # OPTIONS is a list of words
"$ROPECONV" eval perplexity "$OUT/model.gguf" --text "$TEXT" --shard "$shard/$SHARDS" --state "$OUT/score-$shard.state" \
  --json --threads "${SLURM_CPUS_ON_NODE:-1}" $OPTIONS > "$OUT/score-$shard.json.part"
mv "$OUT/score-$shard.json.part" "$OUT/score-$shard.json"
