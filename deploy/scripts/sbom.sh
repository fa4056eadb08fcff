#!/usr/bin/env bash
# Writes dist/sbom.cdx.json: the Python packages of the image, in CycloneDX 1.6, from requirements.txt with its hashes. The same lock
# gives the same file. The tool gets an environment of its own in .tools/sbom.
#
#   deploy/scripts/sbom.sh [--dry-run] [FILE]          FILE: by default dist/sbom.cdx.json
#
# The packages of the base image are not in it: `syft IMAGE -o cyclonedx-json` lists those, too (docs/deployment.md).
set -euo pipefail
cd "$(dirname "$0")/../.."
run=() tool=.tools/sbom
[ "${1:-}" != --dry-run ] || { run=(echo +); shift; }
file=${1:-dist/sbom.cdx.json}
[ -x "$tool/bin/cyclonedx-py" ] || {
  "${run[@]}" python3 -m venv "$tool"
  "${run[@]}" "$tool/bin/pip" install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0 'cyclonedx-python-lib[json-validation]==11.12.0'
}
"${run[@]}" mkdir -p "$(dirname "$file")"
# The graph between packages is not in the lock, of which the tool warns.
PYTHONWARNINGS=ignore "${run[@]}" "$tool/bin/cyclonedx-py" requirements --pyproject pyproject.toml --output-reproducible \
  --spec-version 1.6 --output-format JSON --output-file "$file" requirements.txt
[ -n "${run[*]:-}" ] || echo "$file"
