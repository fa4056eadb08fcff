#!/usr/bin/env bash
# Prints the state of each service of docker-compose.yml that has a container. Changes nothing.
#
#   deploy/scripts/health-check.sh
#
# Exit codes: 0 all are healthy; 1 one is not, or nothing runs; 2 no container engine.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
said() { # SERVICE: what its last health check printed
  "$engine" inspect -f '{{range .State.Health.Log}}{{println .Output}}{{end}}' "$(container "$1")" 2>/dev/null | grep . | tail -n 1 | cut -c1-200 || true
}

code=0 found=0
for service in kafka produce produce-live produce-simulated exchange consume-1 consume-2 serve prometheus alertmanager grafana; do
  [ -n "$(container "$service")" ] || continue
  found=$((found + 1))
  if healthy "$service"; then verdict=healthy; else verdict='NOT HEALTHY' code=1; fi
  printf '%-18s %-12s %s\n' "$service" "$verdict" "$(state "$service")"
  [ "$verdict" = healthy ] || said "$service"
done
[ "$found" -gt 0 ] || fail "no service of the project $project has a container: start them with \`make build deploy\`"
exit "$code"
