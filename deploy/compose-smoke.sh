#!/usr/bin/env bash
# Starts docker-compose.yml with its own project name, ports and volumes, checks what a user would see, and removes everything.
#
#   deploy/compose-smoke.sh                 replays the bundled sample (with podman-compose its first file)
#   deploy/compose-smoke.sh FILE [ONES]     replays FILE, whose rows must all be valid, and expects ONES signals of 1
#   deploy/compose-smoke.sh --live ...      also starts the profile `live`, with the simulated exchange; takes two minutes more
#
# Uses docker compose if a Docker daemon is running, else podman-compose. Waits for each condition at most LIMIT_S seconds. Where the
# image of Grafana cannot be had, it is left out, and that is printed.
# Exit codes: 0 all checks passed, 1 a check failed (it is printed with the last logs), 2 no container engine or no such file.
set -euo pipefail
limit_s=${LIMIT_S:-300}
live=''
[ "${1:-}" != --live ] || { live=yes; shift; }
file=${1:-} ones=${2:-}
[ -z "$file" ] || file=$(realpath -e -- "$file") || exit 2
cd "$(dirname "$0")/.."

export SPEED=max CSV='' API_PORT=${API_PORT:-18000} PROMETHEUS_PORT=${PROMETHEUS_PORT:-19090} ALERTMANAGER_PORT=${ALERTMANAGER_PORT:-19093}
export GRAFANA_PORT=${GRAFANA_PORT:-13000} GRAFANA_PASSWORD=smoke-password
api=http://127.0.0.1:$API_PORT prometheus=http://127.0.0.1:$PROMETHEUS_PORT grafana=http://admin:$GRAFANA_PASSWORD@127.0.0.1:$GRAFANA_PORT project=volcast-smoke
if [ -n "$file" ]; then
  files=("$file") CSV=/data/$(basename "$file")
else
  files=(volcast/simulation/sample/*.csv*)
fi
DATA=$(realpath -e -- "$(dirname "${files[0]}")"); export DATA

if docker info >/dev/null 2>&1; then
  engine=docker compose=(docker compose -p "$project")
elif command -v podman-compose >/dev/null; then
  engine=podman compose=(podman-compose -p "$project")
else
  echo "needs docker compose with a running Docker daemon, or podman-compose" >&2
  exit 2
fi

if [ "$engine" = podman ] && [ -z "$CSV" ]; then # podman-compose would pass the empty string on as a file name
  files=("${files[0]}") CSV=/data/$(basename "${files[0]}")
fi

compose() { "${compose[@]}" "$@" </dev/null >>"$log" 2>&1; }
log=$(mktemp)
finish() {
  local code=$? service id
  if [ "$code" -ne 0 ]; then
    tail -n 20 "$log" >&2
    for service in kafka produce produce-live exchange consume serve prometheus alertmanager grafana; do
      id=$(container "$service")
      [ -z "$id" ] || { echo "--- $service"; "$engine" logs --tail 20 "$id" || true; } >&2 2>&1
    done
  fi
  compose --profile live down --volumes || true
  rm -f "$log"
  exit "$code"
}
trap finish EXIT

container() {
  "$engine" ps -aq --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.service=$1"
}

state() { [ "$("$engine" inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$(container "$1")")" = "$2" ]; }

healthy() {  # by the health check in the compose file; without systemd, podman runs it only on request
  if [ "$engine" = docker ]; then
    [ "$(docker inspect -f '{{.State.Health.Status}}' "$(container "$1")")" = healthy ]
  else
    podman healthcheck run "$(container "$1")"
  fi
}

answers() {  # URL EXPRESSION: the Python expression is true for the JSON response `body`; the URL may have user:password@
  python3 -c 'import base64, json, re, sys, urllib.request
user, url = re.fullmatch(r"http://(?:(.+)@)?(.+)", sys.argv[1]).groups()
headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}
with urllib.request.urlopen(urllib.request.Request("http://" + url, headers=headers), timeout=5) as response:
    body = json.load(response)
sys.exit(not eval(sys.argv[2], {"body": body}))' "$1" "$2"
}

responds() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5).close()' "$1"; }

metric() { answers "$prometheus/api/v1/query?query=$1" "[each['value'][1] for each in body['data']['result']] == ['$2']"; }

await() {  # DESCRIPTION COMMAND...: wait until the command succeeds
  local description=$1 deadline=$((SECONDS + limit_s))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "timeout after $limit_s s: $description" >&2
      exit 1
    fi
    sleep 0.5
  done
  echo "$SECONDS s: $description"
}

served() {
  local file symbol rows latest
  for file in "${files[@]}"; do
    read -r symbol rows < <(python3 -c 'import gzip, pathlib, re, sys
path = pathlib.Path(sys.argv[1])
with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as lines:
    rows = sum(1 for line in lines if line.strip()) - 1
print(re.match("[A-Za-z0-9]+", path.name)[0].upper(), rows)' "$file")
    latest=$api/latest/$symbol
    await "$symbol: the API has all $rows candles" answers "$latest" "body['symbol'] == '$symbol' and body['candles'] == $rows"
    await "$symbol: the signal has a forecast and is warm" answers "$latest" \
      "body['signal'] in (0, 1) and 0 < body['volatility'] < body['volatility_annualized'] and body['warm'] is True and \
       body['volatility_lower'] < body['volatility_upper'] and body['price_lower'] < body['close'] < body['price_upper']"
    [ -z "$ones" ] || await "$symbol: $ones signals of 1" answers "$latest" "round(body['signal_rate'] * body['candles']) == $ones"
    await "$symbol: Prometheus has scraped all $rows candles" metric "volcast_candles%7Bsymbol=%22$symbol%22%7D" "$rows"
  done
}

streamed() {
  local symbol
  compose --profile live up -d exchange produce-live
  await "the exchange is healthy" healthy exchange
  await "the live producer is healthy" healthy produce-live
  for symbol in BTCUSDT.BINANCESIM ETHUSDT.BINANCESIM; do
    await "$symbol: the API has a day of candles and the latest minute" answers "$api/latest/$symbol" \
      "body['live'] is True and body['status'] == 'ok' and body['candles'] > 1440 and body['age_seconds'] < 90"
  done
  await "Prometheus reaches volcast-produce-live" metric "up%7Bjob=%22volcast-produce-live%22%7D" 1
  await "both streams have closed a candle" metric "count(volcast_live_candles_total%7Bclosed_by=%22flag%22%7D)" 2
}

watched() {
  local uid
  await "Grafana is healthy" healthy grafana
  await "Grafana has its datasources" answers "$grafana/api/datasources" \
    "{each['uid'] for each in body} == {'volcast-prometheus', 'volcast-alertmanager'}"
  for uid in volcast-model-performance volcast-data-drift volcast-system-health; do
    await "Grafana has the dashboard $uid" answers "$grafana/api/dashboards/uid/$uid" "len(body['dashboard']['panels']) > 10"
  done
  await "Grafana has the alert rules" answers "$grafana/api/v1/provisioning/alert-rules" "len(body) == 3"
  await "Grafana asks Prometheus" answers "$grafana/api/datasources/uid/volcast-prometheus/health" "body['status'] == 'OK'"
}

services=(kafka produce consume serve prometheus alertmanager)
image=$(sed -n 's/^ *image: \(grafana\/.*\)/\1/p' docker-compose.yml)
if "$engine" image inspect "$image" >/dev/null 2>&1 || "$engine" pull -q "$image" >/dev/null 2>&1; then
  services+=(grafana)
else
  echo "no image $image here: Grafana is left out"
fi

echo "using ${compose[*]}"
compose --profile live down --volumes || true
compose build produce || { echo "the image cannot be built" >&2; exit 1; }
deploy/batch-smoke.sh
compose up -d --no-deps consume serve produce
await "the API is alive without a broker" responds "$api/health"
compose up -d "${services[@]}"
await "Kafka is healthy" healthy kafka
await "the producer has exited with code 0" state produce "exited 0"
await "the API has caught up" responds "$api/ready"
await "the consumer is healthy" healthy consume
await "the API is healthy" healthy serve
await "Prometheus is healthy" healthy prometheus
await "Alertmanager is healthy" healthy alertmanager
for job in volcast-serve volcast-consume; do
  await "Prometheus reaches $job" metric "up%7Bjob=%22$job%22%7D" 1
done
served
compose restart kafka consume serve
await "Kafka is healthy after a restart" healthy kafka
await "the API has caught up after a restart" responds "$api/ready"
served
[ -z "$live" ] || streamed
[ "${services[-1]}" != grafana ] || watched
echo "all checks passed"
