#!/usr/bin/env bash
# Builds what the tests of the Kubernetes and Terraform files need, by Go, from the module proxy. What is there is left alone.
#
#   deploy/kubernetes-tools.sh chart        Helm 3 and 4, kubeconform, and schemas: some minutes of processor time
#   deploy/kubernetes-tools.sh cluster      etcd, kube-apiserver, controller manager, scheduler, kubectl, kwok: some 15 minutes
#   deploy/kubernetes-tools.sh terraform    OpenTofu: some 5 minutes
#   deploy/kubernetes-tools.sh              all of it
#   deploy/kubernetes-tools.sh checkouts FOLDER
#       what Go's module proxy has not, from checkouts of releases in FOLDER, those that are there: Terraform's two providers
#       (terraform-provider-helm, terraform-provider-kubernetes; needed only where `tofu init` reaches no registry of providers), and the
#       definitions of Strimzi's objects (strimzi-kafka-operator)
#
# They go to $KUBERNETES_TOOLS, by default ~/.cache/volcast/kubernetes: bin/, schemas/, crds/, providers/. Needs Go and pip.
# Exit codes: 0 all there, 1 something could not be built, 2 no Go.
set -euo pipefail
kubernetes=1.36.3 helm3=3.22.0 helm4=4.3.1 kubeconform=0.8.0 etcd=3.6.16 kwok=0.8.0 keda=2.21.0 prometheus_operator=0.85.0 istio=1.32.0
opentofu=1.12.6 schemas=1.37.0
command -v go >/dev/null || { echo "needs Go" >&2; exit 2; }
tools=${KUBERNETES_TOOLS:-$HOME/.cache/volcast/kubernetes} bin=
mkdir -p "$tools/bin" "$tools/schemas" "$tools/crds"
bin=$tools/bin
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

install() {  # NAME PACKAGE@VERSION [LDFLAGS]: build the package as bin/NAME
  [ ! -x "$bin/$1" ] || return 0
  echo "building $1"
  mkdir -p "$work/$1"
  GOBIN=$work/$1 go install -ldflags "-s -w ${3:-}" "$2"
  mv "$work/$1"/* "$bin/$1"
}

build() {  # NAME PACKAGE MODULE@VERSION [LDFLAGS]: the same for a module that replaces others, which `go install` refuses
  [ ! -x "$bin/$1" ] || return 0
  echo "building $1"
  (
    mkdir -p "$work/$1" && cd "$work/$1"
    go mod init volcast/tools 2>/dev/null
    # A module of our own replaces what that module does. It need not replace the parts of its own repository: they have versions.
    go mod edit -json "$(go mod download -json "$3" | python3 -c 'import json, sys; print(json.load(sys.stdin)["GoMod"])')" | python3 -c '
import json, sys
for each in json.load(sys.stdin)["Replace"] or ():
    if "Version" in each["New"]:
        print("{}={}@{}".format(each["Old"]["Path"], each["New"]["Path"], each["New"]["Version"]))' |
      while read -r replacement; do go mod edit -replace "$replacement"; done
    go get "$2@${3##*@}" 2>/dev/null
    go build -ldflags "-s -w ${4:-}" -o "$work/$1/built" "$2"
    mv built "$bin/$1"
  )
}

module() {  # MODULE@VERSION: download it and print its folder
  go mod download -json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'
}

chart() {
  install helm3 helm.sh/helm/v3/cmd/helm@v$helm3 "-X helm.sh/helm/v3/internal/version.version=v$helm3"
  install helm4 helm.sh/helm/v4/cmd/helm@v$helm4 "-X helm.sh/helm/v4/internal/version.version=v$helm4"
  install kubeconform github.com/yannh/kubeconform/cmd/kubeconform@v$kubeconform
  if [ ! -d "$tools/schemas/kubernetes" ]; then # the package has the schemas of many versions; those of one are kept
    python3 -m pip download --quiet --no-deps --disable-pip-version-check --dest "$work" "kubernetes-validate==$schemas"
    python3 -m zipfile -e "$work"/kubernetes_validate-*.whl "$work/validate"
    cp -r "$work/validate/kubernetes_validate/kubernetes-json-schema/v${kubernetes%.*}.0-local-strict" "$tools/schemas/kubernetes"
  fi
  if [ ! -e "$tools/crds/done" ]; then # definitions of custom resources; Strimzi's are in no Go module
    cp "$(module "github.com/kedacore/keda/v2@v$keda")"/config/crd/bases/keda.sh_scaledobjects.yaml "$tools/crds/"
    cp "$(module "github.com/prometheus-operator/prometheus-operator@v$prometheus_operator")"/example/prometheus-operator-crd/monitoring.coreos.com_{servicemonitors,prometheusrules}.yaml "$tools/crds/"
    python3 -c '
import pathlib, sys
wanted = ("destinationrules.networking.istio.io", "peerauthentications.security.istio.io")
documents = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").split("\n---\n")
kept = [each for each in documents if any(f"\n  name: {name}\n" in each for name in wanted)]
pathlib.Path(sys.argv[2]).write_text("\n---\n".join(kept) + "\n", encoding="utf-8")
' "$(module "istio.io/api@v$istio")/kubernetes/customresourcedefinitions.gen.yaml" "$tools/crds/istio.yaml"
    chmod u+w "$tools"/crds/*
    touch "$tools/crds/done"
  fi
}

kubernetes_module() {  # `go install` refuses k8s.io/kubernetes, whose go.mod replaces its own parts: a module of our own replaces them
  cd "$work"
  mkdir -p kubernetes && cd kubernetes
  go mod init volcast/tools 2>/dev/null
  {
    printf '//go:build tools\n\npackage tools\n\nimport (\n'
    printf '\t_ "k8s.io/kubernetes/cmd/%s"\n' "$@"
    echo ')'
  } >tools.go
  go mod edit -require "k8s.io/kubernetes@v$kubernetes"
  local part
  for part in $(go mod download -json "k8s.io/kubernetes@v$kubernetes" | python3 -c '
import json, re, sys
lines = open(json.load(sys.stdin)["GoMod"], encoding="utf-8").read()
print(*sorted(set(re.findall(r"^\s*(k8s\.io/\S+) v0\.0\.0$", lines, re.MULTILINE))))'); do
    go mod edit -replace "$part=$part@v0.${kubernetes#1.}"
  done
  go mod tidy -e >/dev/null 2>&1
}

cluster() {
  install kwok sigs.k8s.io/kwok/cmd/kwok@v$kwok
  if [ ! -e "$tools/stages.yaml" ]; then # what becomes of kwok's nodes and pods: a pod is ready after some seconds, as a real one
    local stage stages
    stages=$(module "sigs.k8s.io/kwok@v$kwok")/kustomize/stage
    for stage in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease pod/general/pod-{create,ready} pod/fast/pod-delete; do
      cat "$stages/$stage.yaml"
      echo ---
    done >"$work/stages.yaml"
    mv "$work/stages.yaml" "$tools/"
  fi
  build etcd go.etcd.io/etcd/server/v3 go.etcd.io/etcd/server/v3@v$etcd
  local programs=(kube-apiserver kubectl kube-controller-manager kube-scheduler) program stamp package
  for program in "${programs[@]}"; do [ -x "$bin/$program" ] || break; done
  [ ! -x "$bin/$program" ] || return 0
  for package in component-base/version client-go/pkg/version; do
    stamp+=" -X k8s.io/$package.gitVersion=v$kubernetes -X k8s.io/$package.gitMajor=1 -X k8s.io/$package.gitMinor=$(cut -d. -f2 <<<"$kubernetes")"
  done
  (
    kubernetes_module "${programs[@]}"
    for program in "${programs[@]}"; do
      [ ! -x "$bin/$program" ] || continue
      echo "building $program"
      go build -ldflags "-s -w$stamp" -o "$work/$program" "k8s.io/kubernetes/cmd/$program"
      mv "$work/$program" "$bin/"
    done
  )
}

terraform() {
  build tofu github.com/opentofu/opentofu/cmd/tofu github.com/opentofu/opentofu@v$opentofu "-X github.com/opentofu/opentofu/version.dev=no"
}

checkouts() {  # FOLDER
  local name version platform host folder built
  platform=$(go env GOOS)_$(go env GOARCH)
  for name in helm kubernetes; do # as a mirror for `tofu init` and `terraform init`
    [ -d "$1/terraform-provider-$name" ] || continue
    version=$(cat "$1/terraform-provider-$name/version/VERSION") folder=hashicorp/$name/$version/$platform
    [ ! -d "$tools/providers/registry.opentofu.org/$folder" ] || continue
    echo "building terraform-provider-$name $version"
    built=$work/terraform-provider-${name}_v$version
    (cd "$1/terraform-provider-$name" && go build -buildvcs=false -ldflags "-s -w" -o "$built" .)
    for host in registry.terraform.io registry.opentofu.org; do
      mkdir -p "$tools/providers/$host/$folder"
      cp "$built" "$tools/providers/$host/$folder/"
    done
  done
  if [ -d "$1/strimzi-kafka-operator" ]; then
    for name in kafka kafkauser kafkanodepool; do
      cat "$1"/strimzi-kafka-operator/packaging/install/cluster-operator/*-Crd-$name.yaml
      echo ---
    done >"$tools/crds/strimzi.yaml"
  fi
}

case ${1:-all} in
  chart | cluster | terraform) "$1" ;;
  checkouts) checkouts "$(cd "${2:?FOLDER}" && pwd)" ;;
  all) chart; cluster; terraform ;;
  *) sed -n 2,17p "$0"; exit 2 ;;
esac
