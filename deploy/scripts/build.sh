#!/usr/bin/env bash
# Builds the image of all services, and labels it with the commit and the time.
#
#   deploy/scripts/build.sh [--dry-run] [IMAGE]        IMAGE: by default volcast:VERSION
#   PYTHON_IMAGE=... deploy/scripts/build.sh           another base image
#   REQUIREMENTS=requirements-lifecycle.txt deploy/scripts/build.sh volcast-lifecycle:0.1.0       the image of the long loop
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "${1:-}" != --dry-run ] || { dry_run=yes; shift; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
run "$engine" build --network host --tag "${1:-volcast:$version}" ${PYTHON_IMAGE:+--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"} \
  ${REQUIREMENTS:+--build-arg "REQUIREMENTS=$REQUIREMENTS"} \
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" --build-arg "CREATED=$(date -u +%Y-%m-%dT%H:%M:%SZ)" .
