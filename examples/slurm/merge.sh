#!/bin/sh
#SBATCH --job-name=ropeconv-merge
# One result from all shards.
set -eu
set --
shard=1
while [ "$shard" -le "$SHARDS" ]; do
  set -- "$@" "$OUT/score-$shard.json"
  shard=$((shard + 1))
done
"$ROPECONV" eval merge "$@" --json > "$OUT/result.json.part"
mv "$OUT/result.json.part" "$OUT/result.json"
"$ROPECONV" eval merge "$@"
