#!/usr/bin/env bash
# Builds SeaweedFS, the S3 server of the tests of the long loop, by Go, from the module proxy. What is there is left alone.
#
#   deploy/lifecycle-tools.sh        some 7 minutes of processor time, once; prints the path of the program
#
# It goes to ~/.cache/volcast/seaweedfs-VERSION/weed, where the tests find it; without it they use moto's server, and say so. `go install`
# refuses the module, as its go.mod replaces another. So its source is copied and built there, with its own go.sum. Needs Go.
# Exit codes: 0 it is there, 1 it could not be built, 2 no Go, 3 the module is not the one that this script knows.
set -euo pipefail
version=4.53 module=github.com/seaweedfs/seaweedfs@v0.0.0-20261109003541-7506e5f91cd6
checksum=h1:LOYZFToHq9F7pSR6lkPGfkM8RmHlVFrzndKdhmNZjrU=
built=${XDG_CACHE_HOME:-$HOME/.cache}/volcast/seaweedfs-$version
says_its_version() { [ -x "$1" ] && "$1" version 2>/dev/null | grep -qE "^version .* $version "; }

if ! says_its_version "$built/weed"; then
  command -v go >/dev/null || { echo "needs Go" >&2; exit 2; }
  mkdir -p "$built"
  exec 9>"$built.lock"
  flock 9 # two test processes may ask at once
  if ! says_its_version "$built/weed"; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    go mod download -json "$module" >"$work/module.json"
    field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1], encoding="utf-8"))[sys.argv[2]])' "$work/module.json" "$1"; }
    if [ "$(field Sum)" != "$checksum" ]; then
      echo "$module has the checksum $(field Sum); this script knows $checksum" >&2
      exit 3
    fi
    cp -r "$(field Dir)" "$work/source"
    chmod -R u+w "$work/source"
    export CGO_ENABLED=0 GOFLAGS="-p=${BUILD_PROCESSES:-1} -buildvcs=false -trimpath"
    (cd "$work/source" && go build -ldflags "-s -w" -o "$work/weed" ./weed)
    says_its_version "$work/weed" || { echo "what was built does not say that it is version $version" >&2; exit 1; }
    mv "$work/weed" "$built/weed"
  fi
fi
echo "$built/weed"
