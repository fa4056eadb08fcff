#!/usr/bin/env bash
# Builds the newest Prometheus and Alertmanager into .tools/bin, where `make test` finds them before those of the system. Needs Go;
# takes about seven minutes of processor time. Alertmanager's sources contain no web pages: this build has empty ones.
set -euo pipefail
cd "$(dirname "$0")/.."
prometheus=3.16.0 alertmanager=0.35.0
export GOBIN=$PWD/.tools/bin GOFLAGS=-p=1
stamp=github.com/prometheus/common/version.Version
source=github.com/prometheus/prometheus/cmd module=v0.3${prometheus#3.} # the Go module of Prometheus 3.16.0 is v0.316.0
go install -ldflags "-X $stamp=$prometheus" "$source/prometheus@$module" "$source/promtool@$module"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
module=github.com/prometheus/alertmanager@v$alertmanager
(cd "$work" && go mod init volcast/tools >/dev/null 2>&1 && go mod download "$module")
cp -r "$(go env GOMODCACHE)/$module" "$work/alertmanager"
chmod -R u+w "$work/alertmanager"
for pages in elm mantine; do
  mkdir -p "$work/alertmanager/ui/app/dist/$pages"
  echo '<!doctype html><title>Alertmanager</title>' >"$work/alertmanager/ui/app/dist/$pages/index.html"
done
(cd "$work/alertmanager" && go install -ldflags "-X $stamp=$alertmanager" ./cmd/alertmanager ./cmd/amtool)
for tool in prometheus promtool alertmanager amtool; do "$GOBIN/$tool" --version 2>&1 | head -n 1; done
