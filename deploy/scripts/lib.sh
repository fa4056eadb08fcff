# shellcheck shell=bash
# What the scripts beside this file share; they read it with `source`. It changes to the folder of docker-compose.yml and chooses the
# container engine: docker if its daemon runs, else podman with podman-compose. COMPOSE_PROJECT_NAME names another project.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
project=${COMPOSE_PROJECT_NAME:-volcast}
limit_s=${LIMIT_S:-120} # for each thing that is waited for
dry_run=''

if docker info >/dev/null 2>&1; then
  engine=docker compose=(docker compose)
elif command -v podman-compose >/dev/null && command -v podman >/dev/null; then
  engine=podman compose=(podman-compose)
  export BUILDAH_FORMAT=docker # the other format has no health check
else
  echo "needs docker compose with a running Docker daemon, or podman and podman-compose" >&2
  exit 2
fi
compose+=(-p "$project" --profile live --profile simulated)

fail() {
  echo "$1" >&2
  exit "${2:-1}"
}

run() { # COMMAND...: run it, or print it with --dry-run
  if [ -n "$dry_run" ]; then
    printf '+ '
    printf '%q ' "$@"
    echo
  else
    "$@" </dev/null
  fi
}

quietly() { # COMMAND...: the same, without what the command prints unless it fails
  if [ -n "$dry_run" ]; then
    run "$@"
  else
    local printed
    printed=$("$@" </dev/null 2>&1) || { echo "$printed" | tail -n 20 >&2; return 1; }
  fi
}

container() { # SERVICE: the id of its container, or nothing
  "$engine" ps -aq --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.service=$1" | head -n 1
}

state() { # SERVICE: running, exited 0, exited 1, absent …
  local id
  id=$(container "$1")
  [ -n "$id" ] || { echo absent; return; }
  "$engine" inspect -f '{{if .State.Running}}running{{else}}{{.State.Status}} {{.State.ExitCode}}{{end}}' "$id"
}

restarts() { "$engine" inspect -f '{{.RestartCount}}' "$(container "$1")"; } # SERVICE: how often it was restarted after a failure

healthy() { # SERVICE: by the health check in docker-compose.yml; podman runs it on a timer only where there is systemd
  local id found
  found=$(state "$1")
  [ "$1" != produce ] || { [ "$found" = running ] || [ "$found" = "exited 0" ]; return; }
  [ "$found" = running ] || return 1
  id=$(container "$1")
  if [ "$engine" = docker ]; then
    [ "$(docker inspect -f '{{.State.Health.Status}}' "$id")" = healthy ]
  else
    podman healthcheck run "$id" >/dev/null 2>&1
  fi
}

await() { # DESCRIPTION COMMAND...: wait until the command succeeds; 1 if it does not within limit_s seconds
  local description=$1 deadline=$((SECONDS + limit_s))
  shift
  [ -z "$dry_run" ] || { echo "+ wait: $description"; return; }
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "after $limit_s s still not: $description" >&2; return 1; }
    sleep 1
  done
  echo "$SECONDS s: $description"
}

from_dotenv() { # NAME: its value in .env, or nothing
  [ ! -f .env ] || sed -n "s/^$1=//p" .env | tail -n 1
}

to_dotenv() { # NAME VALUE: replace or add its line in .env
  local rest=''
  [ -z "$dry_run" ] || { echo "+ write $1=$2 to .env"; return; }
  [ ! -f .env ] || rest=$(grep -v "^$1=" .env || true)
  (umask 077; printf '%s\n' ${rest:+"$rest"} "$1=$2" >.env.new)
  mv .env.new .env
}

has_grafana() { # its image is here, or can be had; says so if not
  local image
  image=$(sed -n 's/^ *image: \(grafana\/.*\)/\1/p' docker-compose.yml)
  [ -z "$dry_run" ] && ! "$engine" image inspect "$image" >/dev/null 2>&1 && ! "$engine" pull -q "$image" >/dev/null 2>&1 || return 0
  echo "no image $image here: Grafana is left out" >&2
  return 1
}
