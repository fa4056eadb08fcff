#!/usr/bin/env bash
# Looks for known vulnerabilities in the locked packages, with pip-audit, and for secrets in the history, with gitleaks.
#
#   deploy/scripts/audit.sh [packages|secrets]                      by default both
#   PIP_AUDIT=/path/to/pip-audit GITLEAKS=/path/to/gitleaks deploy/scripts/audit.sh
#
# Without PIP_AUDIT, an environment of its own is made in ~/.cache/volcast; without GITLEAKS, it is that of the PATH, or built by Go.
# Exit codes: 0 nothing was found; 1 something was, or a package could not be looked up; 2 wrong usage, or a tool cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."
pip_audit=2.10.1 gitleaks=8.30.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/volcast

packages() {
  local tool=${PIP_AUDIT:-$cache/pip-audit-$pip_audit/bin/pip-audit}
  if [ -z "${PIP_AUDIT:-}" ] && [ ! -x "$tool" ]; then
    "${PYTHON:-python3}" -m venv "$cache/pip-audit-$pip_audit" && "$cache/pip-audit-$pip_audit/bin/pip" install -q "pip-audit==$pip_audit" ||
      { echo "pip-audit could not be installed" >&2; return 2; }
  fi
  # --strict: else a package that the service does not know, or a service that is not there, counts as nothing found.
  "$tool" --strict --progress-spinner off --disable-pip --require-hashes -r requirements.txt ||
    { echo "packages: vulnerable, or not looked up: see above" >&2; return 1; }
}

secrets() {
  local tool=${GITLEAKS:-$(command -v gitleaks || echo "$cache/gitleaks-$gitleaks/gitleaks")}
  if [ ! -x "$tool" ]; then
    command -v go >/dev/null || { echo "needs gitleaks, or Go to build it: https://github.com/gitleaks/gitleaks, or GITLEAKS=/path/to/gitleaks" >&2; return 2; }
    GOBIN=$cache/gitleaks-$gitleaks go install "github.com/zricethezav/gitleaks/v8@v$gitleaks" || { echo "gitleaks could not be built" >&2; return 2; }
  fi
  "$tool" git --no-banner --redact . || { echo "secrets: found, or the history cannot be read: see above" >&2; return 1; }
}

status=0
case "${1:-both}" in
  packages | secrets) "$1" || status=$? ;;
  both)
    for each in packages secrets; do "$each" || { code=$?; [ "$status" -ge "$code" ] || status=$code; }; done ;;
  *) sed -n '4,5s/^# *//p' "$0" >&2; exit 2 ;;
esac
exit "$status"
