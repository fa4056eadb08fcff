"""The programs and schemas that `deploy/kubernetes-tools.sh` builds, and what the chart renders. What is missing skips, aloud."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy/helm/volcast"
ENVIRONMENTS = ROOT / "deploy/helm/environments"
PLAIN = ROOT / "deploy/k8s"
CACHE = Path(os.environ.get("KUBERNETES_TOOLS") or Path.home() / ".cache/volcast/kubernetes")
KUBERNETES = "1.36.0"
"""The version for which the chart is rendered."""
HELMS = ("helm3", "helm4")
ALL = ("--set", "monitoring.enabled=true,consumer.keda.enabled=true,istio.enabled=true,lifecycle.enabled=true")
"""Options that render what needs an operator, and the long loop, too."""
STRIMZI = {"Kafka", "KafkaNodePool", "KafkaUser"}
WITHOUT_SCHEMA = set() if (CACHE / "crds/strimzi.yaml").exists() else STRIMZI
"""Strimzi's definitions are in no registry that a test can ask: `deploy/kubernetes-tools.sh checkouts` copies them."""

Manifest = dict[str, Any]


def program(name: str, part: str = "chart") -> str:
    """Return the path of a program of `deploy/kubernetes-tools.sh PART`; skip the test if it has not been built."""
    path = CACHE / "bin" / name
    if not path.exists():
        pytest.skip(f"SKIPPED, nothing was tested: no {name}; deploy/kubernetes-tools.sh {part} builds it")
    return str(path)


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it printed; never raises for its exit code."""
    return subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False, **options)


def template(helm: str, *options: str | Path, release: str = "volcast") -> subprocess.CompletedProcess[str]:
    """Render the chart with a Helm of that name."""
    path = program(helm)
    return run(path, "template", release, CHART, "--namespace", "volcast", "--kube-version", KUBERNETES, *options)


@functools.cache
def rendered(environment: str, *options: str, helm: str = "helm3") -> tuple[Manifest, ...]:
    """Return the objects that the chart renders with the values of an environment, in their order."""
    found = template(helm, "--values", ENVIRONMENTS / f"{environment}.yaml", *options)
    assert found.returncode == 0, found.stderr
    return tuple(each for each in yaml.safe_load_all(found.stdout) if each)


def plain() -> tuple[Manifest, ...]:
    """Return the objects of deploy/k8s, without those that need an operator."""
    return tuple(
        each for file in sorted(PLAIN.glob("*.yaml")) for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each
    )


LONG_LOOP = (
    "lifecycle.enabled=true",
    "lifecycle.s3.endpoint=http://seaweedfs:9000",
    "lifecycle.s3.existingSecret=keys",
    "lifecycle.nightly.mlflow.trackingUri=http://mlflow:5000/",
    "lifecycle.nightly.promote=true",
    "lifecycle.nightly.arguments={--expect,BTCUSDT.BINANCE}",
)


def long_loop(*more: str) -> tuple[Manifest, ...]:
    """Return the objects of archiver and night, as the chart adds them to those of deploy/k8s."""
    options = (word for each in (*LONG_LOOP, *more) for word in ("--set", each))
    known = {(each["kind"], each["metadata"]["name"]) for each in rendered("plain")}
    return tuple(each for each in rendered("plain", *options) if (each["kind"], each["metadata"]["name"]) not in known)


def of_kind(objects: tuple[Manifest, ...], kind: str) -> dict[str, Manifest]:
    """Return the objects of a kind by their names."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def pods(objects: tuple[Manifest, ...]) -> Iterator[tuple[str, Manifest]]:
    """Yield name and specification of the pod of each workload, and of each bare pod."""
    for each in objects:
        if each["kind"] in {"Deployment", "StatefulSet"}:
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]
        elif each["kind"] == "CronJob":
            yield each["metadata"]["name"], each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        elif each["kind"] == "Pod":
            yield each["metadata"]["name"], each["spec"]


def write_schemas(folder: Path) -> None:
    """Write JSON schemas for kubeconform: Kubernetes' own, and those of the custom resources whose definitions are cached."""
    source = CACHE / "schemas/kubernetes"
    if not source.exists():
        pytest.skip("SKIPPED, nothing was tested: no schemas; deploy/kubernetes-tools.sh chart fetches them")
    shutil.copytree(source, folder, dirs_exist_ok=True)
    for file in folder.glob("*.json"):  # their addresses are absolute; next to each other they need none
        text = file.read_text(encoding="utf-8").replace('"/api/_definitions.json#', '"_definitions.json#')
        schema = json.loads(text)
        schema.pop("$id", None)
        file.write_text(json.dumps(schema), encoding="utf-8")
    for file in (CACHE / "crds").glob("*.yaml"):
        for definition in filter(None, yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)):
            spec = definition["spec"]
            for version in spec["versions"]:
                name = f"{spec['names']['kind'].lower()}-{spec['group'].partition('.')[0]}-{version['name']}.json"
                schema = _strict(version["schema"]["openAPIV3Schema"], top=True)
                (folder / name).write_text(json.dumps(schema), encoding="utf-8")


def _strict(schema: Any, *, top: bool = False) -> Any:
    """Return the schema of a custom resource as an API server takes it: what it does not name is an error."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: value if key in {"allOf", "anyOf", "oneOf", "not"} else _strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        result["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
        if not top and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            result["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
    if top:
        result["properties"] |= {"metadata": {"type": "object"}}
    return result
