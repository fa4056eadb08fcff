#!/usr/bin/env bash
# Starts Prometheus, Alertmanager and Grafana alone, beside whatever runs already, and says where they are.
#
#   deploy/scripts/monitoring.sh [--dry-run]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "${1:-}" != --dry-run ] || dry_run=yes
services=(prometheus alertmanager)
! has_grafana || services+=(grafana)
quietly "${compose[@]}" up -d --no-deps "${services[@]}" || fail "the monitoring cannot be started"
for service in "${services[@]}"; do
  await "$service is healthy" healthy "$service"
done
port() { local value; value=${!1:-$(from_dotenv "$1")}; echo "http://127.0.0.1:${value:-$2}"; }
echo "Prometheus: $(port PROMETHEUS_PORT 9090), Alertmanager: $(port ALERTMANAGER_PORT 9093)"
! has_grafana || echo "Grafana: $(port GRAFANA_PORT 3000)"
