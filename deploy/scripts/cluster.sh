#!/usr/bin/env bash
# Deploys an image to a cluster with the Helm chart, tests it there, and returns to the revision from before if it does not work.
#
#   deploy/scripts/cluster.sh [--dry-run] deploy ENVIRONMENT IMAGE      values of deploy/helm/environments/ENVIRONMENT.yaml
#   deploy/scripts/cluster.sh [--dry-run] rollback ENVIRONMENT          to the revision before the present one
#
# IMAGE is REPOSITORY:TAG, REPOSITORY@sha256:… or both. KUBECONFIG says which cluster. NAMESPACE and RELEASE are volcast by default.
# LIMIT_S is how many seconds the pods have to become ready (600): a consumer first restores its state.
# Exit codes: 0 deployed; 1 not deployed, and the revision from before runs; 2 wrong use, no helm, or no access to the cluster;
# 3 the image does not work, and there is no revision from before, or that one does not work either.
set -euo pipefail
cd "$(dirname "$0")/../.."
dry_run=''
[ "${1:-}" != --dry-run ] || { dry_run=yes; shift; }
fail() { echo "$1" >&2; exit "${2:-1}"; }
usage() { fail "$(sed -n 2,12p deploy/scripts/cluster.sh)" 2; }
release=${RELEASE:-volcast} namespace=(--namespace "${NAMESPACE:-volcast}") limit=(--wait --timeout "${LIMIT_S:-600}s")
values=deploy/helm/environments/${2:-}.yaml
case ${1:-}:$# in deploy:3 | rollback:2) ;; *) usage ;; esac
[ -f "$values" ] || fail "there is no $values" 2
[ -n "$dry_run" ] || command -v helm >/dev/null || fail "needs helm" 2

run() { if [ -n "$dry_run" ]; then printf '+'; printf ' %q' "$@"; echo; else "$@"; fi; }

working() { # the newest revisions that were deployed, the newest first; none if there is no release
  local found
  found=$(helm history "$release" "${namespace[@]}" --max 50 --output json 2>&1) || {
    case $found in *'release: not found'*) return 0 ;; esac
    echo "$found" >&2
    return 1
  }
  python3 -c '
import json, sys
for each in reversed(json.loads(sys.stdin.read())):
    if each["status"] in ("deployed", "superseded"):
        print(each["revision"])' <<<"$found"
}

revisions=''
[ -n "$dry_run" ] || revisions=$(working) || fail "the cluster cannot be asked: look at KUBECONFIG" 2
before=$(head -n 1 <<<"$revisions")

back_to() { # REVISION
  run helm rollback "$release" "$1" "${namespace[@]}" "${limit[@]}" && run helm test "$release" "${namespace[@]}"
}

if [ "$1" = rollback ]; then
  before=$(sed -n 2p <<<"$revisions")
  [ -z "$dry_run" ] || before=BEFORE
  [ -n "$before" ] || fail "$release has no revision before the present one" 2
  back_to "$before" || fail "revision $before of $release does not work" 3
  [ -n "$dry_run" ] || echo "$release runs revision $before again"
  exit 0
fi

name=${3%%@*} digest='' tag=''
[ "$name" = "$3" ] || digest=${3#*@}
case ${name##*/} in *:*) tag=${name##*:} name=${name%:*} ;; esac
if run helm upgrade "$release" deploy/helm/volcast --install "${namespace[@]}" --create-namespace --values "$values" \
  --set-string "image.repository=$name,image.tag=$tag,image.digest=$digest" "${limit[@]}" && run helm test "$release" "${namespace[@]}"; then
  [ -n "$dry_run" ] || echo "$3 is deployed to $2"
  exit 0
fi
[ -n "$before" ] || fail "$3 does not work, and there is no revision from before" 3
echo "$3 does not work: $release returns to revision $before" >&2
back_to "$before" || fail "revision $before does not work either: look at \`kubectl get pods\`" 3
fail "$3 was not deployed; revision $before runs"
