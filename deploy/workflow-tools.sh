#!/usr/bin/env bash
# Builds actionlint, with which a test checks the workflows of GitHub Actions, by Go, from the module proxy. What is there is left alone.
#
#   deploy/workflow-tools.sh        some seconds of processor time
#
# It goes to $VOLCAST_WORKFLOW_TOOLS, by default ~/.cache/volcast/workflows: bin/. Needs Go.
# Exit codes: 0 it is there, 1 it could not be built, 2 no Go.
set -euo pipefail
actionlint=1.7.12
tools=${VOLCAST_WORKFLOW_TOOLS:-$HOME/.cache/volcast/workflows}
if [ -x "$tools/bin/actionlint" ] && "$tools/bin/actionlint" -version | grep -qF "$actionlint"; then exit 0; fi
command -v go >/dev/null || { echo "needs Go" >&2; exit 2; }
mkdir -p "$tools/bin"
GOFLAGS="${GOFLAGS:-} -p=1" GOBIN=$tools/bin go install -ldflags "-s -w" "github.com/rhysd/actionlint/cmd/actionlint@v$actionlint"
