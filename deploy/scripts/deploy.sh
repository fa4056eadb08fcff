#!/usr/bin/env bash
# Starts docker-compose.yml with an image, or replaces the image of the services that run: one service after the other, each only
# when the one before is healthy. If one does not become healthy, all get the image that they had before.
#
#   deploy/scripts/deploy.sh [--dry-run] [IMAGE]       IMAGE: by default volcast:VERSION, as `make build` names it
#
# The image is deployed under a name made from its contents, so that to build another one under the same name changes nothing that
# runs. IMAGE and PREVIOUS_IMAGE in .env remember what was deployed: docker compose and rollback.sh read them. LIMIT_S is how many
# seconds each service has to become healthy (120); on the way back it is BACK_LIMIT_S (120).
# Exit codes: 0 deployed; 1 not deployed, and the services have the image from before; 2 wrong use, or no container engine;
# 3 neither the new image nor the one from before works.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "${1:-}" != --dry-run ] || { dry_run=yes; shift; }
case ${1:-} in -*) fail "$(sed -n 2,12p "${BASH_SOURCE[0]}")" 2 ;; esac
wanted=${1:-volcast:$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml 2>/dev/null || true)}
infrastructure=(kafka prometheus alertmanager)
# Consumers first: a new one must understand the state of the old one. Then who reads its signals, and who writes its candles.
order=(consume-1 consume-2 serve produce)
for service in exchange produce-live produce-simulated; do
  [ -z "$(container "$service")" ] || order+=("$service")
done

id=$("$engine" image inspect -f '{{.Id}}' "$wanted" 2>/dev/null) || { quietly "$engine" pull -q "$wanted" &&
  id=$("$engine" image inspect -f '{{.Id}}' "$wanted" 2>/dev/null); } || fail "there is no image $wanted: build it with \`make build\`" 2
id=${id#sha256:}
new=volcast:${id:0:12} before=$(from_dotenv IMAGE)
[ "$engine" = docker ] || new=localhost/$new
quietly "$engine" tag "$wanted" "$new"

! has_grafana || infrastructure+=(grafana)

replace() { # IMAGE SERVICE
  IMAGE=$1 quietly "${compose[@]}" up -d --no-build --no-deps "$2" && await "$2 is healthy with $1" healthy "$2"
}

caught_up() { # the API has read the log up to its end
  "$engine" exec "$(container serve)" python -c 'import urllib.request as r; r.urlopen("http://127.0.0.1:8000/ready", timeout=3)' >/dev/null 2>&1
}

roll_out() { # IMAGE SERVICE...
  local image=$1 service
  local -A restarts_before
  shift
  for service in "$@"; do
    touched+=("$service")
    replace "$image" "$service" || return 1
    [ -n "$dry_run" ] || restarts_before[$service]=$(restarts "$service")
  done
  await "the API has read all of the log" caught_up || return 1
  [ -z "$dry_run" ] || return 0
  for service in "$@"; do # one that was healthy at first only
    await "$service is still healthy" healthy "$service" || return 1
    [ "$(restarts "$service")" = "${restarts_before[$service]}" ] || { echo "$service was restarted meanwhile" >&2; return 1; }
  done
}

touched=()
IMAGE=$new quietly "${compose[@]}" up -d --no-build --no-deps "${infrastructure[@]}" || fail "Kafka or the monitoring cannot be started"
if roll_out "$new" "${order[@]}"; then
  [ -z "$before" ] || [ "$before" = "$new" ] || to_dotenv PREVIOUS_IMAGE "$before"
  to_dotenv IMAGE "$new"
  echo "$wanted is deployed as $new"
  exit 0
fi
last=${touched[-1]}
"$engine" logs --tail 5 "$(container "$last")" >&2 || true
[ -n "$before" ] || fail "$wanted does not work, and there is no image from before" 3
echo "$wanted does not work: the services get $before again" >&2
back=("${touched[@]}") limit_s=${BACK_LIMIT_S:-120} # the old image works: it is not to be given up early
roll_out "$before" "${back[@]}" || fail "$before does not work either: look at \`${compose[*]} logs\`" 3
"$engine" rmi "$new" >/dev/null 2>&1 || true # its other name stays
fail "$wanted was not deployed; $before runs"
