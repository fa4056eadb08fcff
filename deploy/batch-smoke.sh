#!/usr/bin/env bash
# Builds the image target `batch` and runs it: on its bundled candles, and on a file with a mistake. Removes what it made.
#
# Uses docker if a Docker daemon is running, else podman. VOLCAST_COMPILE=never builds an image whose core is not compiled, in a
# quarter of the time.
# Exit codes: 0 all checks passed, 1 a check failed (it is printed), 2 no container engine.
set -euo pipefail
cd "$(dirname "$0")/.."
if docker info >/dev/null 2>&1; then engine=docker
elif command -v podman >/dev/null; then engine=podman
else
  echo "needs docker with a running daemon, or podman" >&2
  exit 2
fi

image=volcast-batch-smoke folder=$(mktemp -d) log=$(mktemp)
finish() {
  local code=$?
  [ "$code" = 0 ] || tail -n 20 "$log" >&2
  "$engine" rmi --force "$image" >/dev/null 2>&1 || true
  rm -rf "$folder" "$log"
  exit "$code"
}
trap finish EXIT

fail() {
  echo "$1" >&2
  exit 1
}

job() {  # MOUNT...: run the image's default with ./out mounted; stores the exit code, and what it printed in $folder/printed
  code=0
  "$engine" run --rm --network none --read-only --cap-drop ALL -v "$folder/out:/out" "$@" "$image" >"$folder/printed" 2>>"$log" || code=$?
  cmp -s "$folder/printed" "$folder/out/metrics.json" || fail "standard output and metrics.json differ"
}

echo "using $engine"
mkdir "$folder/out"
chmod 777 "$folder/out" # the container's own user writes there
"$engine" build --network host --target batch --tag "$image" --build-arg VOLCAST_COMPILE="${VOLCAST_COMPILE:-auto}" . >"$log" 2>&1 ||
  fail "the image cannot be built"
echo "$SECONDS s: the image is built"

job
[ "$code" = 0 ] || fail "the job on the bundled candles exits with $code"
expected='{"version":"v1","rows_processed":18720,"metric":"signal_rate","value":0.5057,"latency_ms":'
grep -qF "$expected" "$folder/printed" && grep -qF '"status":"success","ones":9467,' "$folder/printed" || fail "it printed $(cat "$folder/printed")"
grep -q 'end: success' "$folder/out/run.log" || fail "the log has no end"
echo "$SECONDS s: the job on the bundled candles has left its result"

printf 'open,close\n1,1\n1,x\n' >"$folder/wrong.csv"
chmod 644 "$folder/wrong.csv"
chmod 755 "$folder"
job -v "$folder/wrong.csv:/job/data.csv.gz:ro"
[ "$code" = 1 ] || fail "the job on a wrong file exits with $code"
grep -qF '"status":"error","error_message":"/job/data.csv.gz, line 3, column close: ' "$folder/printed" || fail "it printed $(cat "$folder/printed")"
echo "$SECONDS s: the job on a wrong file has failed with its line"
echo "all checks passed"
