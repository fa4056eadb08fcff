#!/usr/bin/env bash
# Writes the plain manifests of deploy/k8s from the Helm chart: `kubectl apply -f deploy/k8s` needs no Helm and no operator.
#
#   deploy/render-k8s.sh [FOLDER]     writes to FOLDER instead of deploy/k8s
#
# deploy/k8s/operators has what needs the Prometheus operator or KEDA. Exit codes: 0 written, 2 no Helm (deploy/kubernetes-tools.sh
# builds it).
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-deploy/k8s}
tools=${KUBERNETES_TOOLS:-$HOME/.cache/volcast/kubernetes}/bin
helm=$(command -v "$tools/helm4" "$tools/helm3" helm | head -n 1) || { echo "needs Helm: run deploy/kubernetes-tools.sh chart" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

render() {  # FOLDER OPTION...: one file for each template
  "$helm" template volcast deploy/helm/volcast --namespace volcast --kube-version 1.36.0 --skip-tests \
    --values deploy/helm/environments/plain.yaml --output-dir "$work/$1" "${@:2}" >/dev/null 2>"$work/errors" || { cat "$work/errors" >&2; exit 1; }
}

plain() {  # FROM TO: without the labels of a Helm release, which this is not
  {
    echo "# Written by deploy/render-k8s.sh from deploy/helm/volcast/templates/$(basename "$1"); a change belongs there."
    sed -E -e '/^# Source: /d' -e '/^ +(app.kubernetes.io\/managed-by: Helm|helm.sh\/chart: .*)$/d' -e 's/ +$//' -e '/^$/d' "$1"
  } >"$2"
}

render core
render operators --set monitoring.enabled=true --set consumer.keda.enabled=true
rm -rf "$folder"
mkdir -p "$folder/operators"
for file in "$work"/core/volcast/templates/*.yaml; do
  name=$(basename "$file")
  case $name in # kubectl applies files in the order of their names, and without its ServiceAccount no pod is made
    namespace.yaml) name=00-$name ;;
    serviceaccount.yaml | configmap.yaml) name=01-$name ;;
  esac
  plain "$file" "$folder/$name"
done
for name in servicemonitors keda; do
  plain "$work/operators/volcast/templates/$name.yaml" "$folder/operators/$name.yaml"
done
