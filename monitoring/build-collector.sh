#!/usr/bin/env bash
# Builds the OpenTelemetry Collector of monitoring/collector.yaml into ~/.cache/volcast, where the tests find it. Needs Go; takes
# some minutes of processor time once. Prints the path of the program.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^  version: //p' monitoring/collector.yaml)
sum=$(sha256sum monitoring/collector.yaml | cut -c 1-12)
built=${XDG_CACHE_HOME:-$HOME/.cache}/volcast/otelcol-$version-$sum
if [ ! -x "$built/otelcol" ]; then
  mkdir -p "$built"
  exec 9>"$built.lock"
  flock 9 # two test processes may ask at once
  if [ ! -x "$built/otelcol" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    export GOFLAGS="-p=1 -buildvcs=false"
    GOBIN=$work go install "go.opentelemetry.io/collector/cmd/builder@v$version"
    sed "s|^  name: otelcol$|&\n  output_path: $work/otelcol|" monitoring/collector.yaml >"$work/collector.yaml"
    "$work/builder" --config "$work/collector.yaml" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    mv "$work/otelcol/otelcol" "$built/otelcol"
  fi
fi
echo "$built/otelcol"
