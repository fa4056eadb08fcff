#!/usr/bin/env bash
# Looks for known vulnerabilities in an image, with grype. One that is high or critical, and mended in a newer version, is an error.
#
#   deploy/scripts/scan.sh [IMAGE]                     IMAGE: by default volcast:VERSION
#   GRYPE=/path/to/grype deploy/scripts/scan.sh        by default grype of the PATH
#
# Grype downloads its list of vulnerabilities. Exit codes: 0 none; 1 some, or the list cannot be had; 2 no grype.
set -euo pipefail
cd "$(dirname "$0")/../.."
grype=${GRYPE:-grype}
command -v "$grype" >/dev/null || { echo "needs grype: https://github.com/anchore/grype#installation, or GRYPE=/path/to/grype" >&2; exit 2; }
image=${1:-volcast:$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)}
exec "$grype" "$image" --only-fixed --fail-on high
