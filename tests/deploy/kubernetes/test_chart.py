"""The Helm chart: two versions of Helm and the schemas of Kubernetes accept it, and it agrees with the program it starts."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from consumer import commits
from producer.feeds import VENUES
from tests.deploy.kubernetes.tools import (
    ALL,
    CHART,
    ENVIRONMENTS,
    HELMS,
    PLAIN,
    ROOT,
    WITHOUT_SCHEMA,
    Manifest,
    of_kind,
    plain,
    pods,
    program,
    rendered,
    run,
    template,
    write_schemas,
)
from volcast.cli.main import main
from volcast.settings.schema import PREFIX, Settings

NAMES = ("dev", "staging", "prod", "plain")


@pytest.mark.parametrize("environment", NAMES)
@pytest.mark.parametrize("helm", HELMS)
def test_helm_finds_no_fault(helm: str, environment: str) -> None:
    options = ("--strict", "--kube-version", "1.36.0", "--values", ENVIRONMENTS / f"{environment}.yaml")
    found = run(program(helm), "lint", CHART, *options)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("environment", NAMES)
def test_both_versions_of_helm_render_the_same(environment: str) -> None:
    assert rendered(environment, helm="helm3") == rendered(environment, helm="helm4")


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    write_schemas(folder)
    return folder


def validated(objects: Sequence[Manifest], schemas: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = (program("kubeconform"), "-strict", "-summary", "-output", "json", "-schema-location", location)
    return run(*command, "-skip", ",".join(WITHOUT_SCHEMA), file)


@pytest.mark.parametrize("environment", NAMES)
def test_the_objects_have_the_schemas_of_kubernetes(environment: str, schemas: Path, tmp_path: Path) -> None:
    objects = rendered(environment, *ALL)
    found = validated(objects, schemas, tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    skipped = sum(each["kind"] in WITHOUT_SCHEMA for each in objects)
    expected = {"valid": len(objects) - skipped, "invalid": 0, "errors": 0, "skipped": skipped}
    assert json.loads(found.stdout)["summary"] == expected


def test_a_misspelt_field_is_found(schemas: Path, tmp_path: Path) -> None:
    broken = json.loads(
        json.dumps(of_kind(rendered("plain"), "Deployment")["volcast-api"]).replace("readOnlyRootFilesystem", "readOnly")
    )
    assert validated([broken], schemas, tmp_path).returncode == 1


def test_the_plain_manifests_are_those_of_the_chart(tmp_path: Path) -> None:
    program("helm4")
    done = run(ROOT / "deploy/render-k8s.sh", tmp_path / "k8s")
    assert done.returncode == 0, done.stderr
    written = {str(file.relative_to(tmp_path / "k8s")): file.read_text() for file in (tmp_path / "k8s").rglob("*.yaml")}
    kept = {str(file.relative_to(PLAIN)): file.read_text() for file in PLAIN.rglob("*.yaml")}
    assert written == kept, "run deploy/render-k8s.sh"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "kafka.address is needed"),
        (("kafka.addr=kafka:9092",), "addr"),
        (("kafka.address=kafka",), "kafka/address|kafka.address"),
        (("kafka.address=k:1", "kafka.strimzi.enabled=true"), "exclude each other"),
        (("kafka.address=k:1", "settings.instance_id=a"), "settings.instance_id: the chart sets it"),
        (("kafka.address=k:1", "settings.workers=2"), "settings.workers: the chart sets it"),
        (("kafka.address=k:1", "settings.Window=5"), "Window"),
        (("kafka.address=k:1", "consumer.keda.enabled=true", "consumer.keda.maxReplicas=5"), "there are 4 partitions"),
        (("kafka.address=k:1", "kafka.sasl.enabled=true", "kafka.sasl.username=u"), "kafka.sasl.existingSecret is needed"),
        (("kafka.address=k:1", "kafka.sasl.enabled=true"), r"kafka.sasl.username is needed .*, or kafka.sasl.roles.\w+.username"),
        (
            (
                "kafka.address=k:1",
                "kafka.sasl.enabled=true",
                "kafka.sasl.roles.api.username=u",
                "kafka.sasl.username=all",
                "kafka.sasl.password=p",
            ),
            "kafka.sasl.roles.api.existingSecret is needed",
        ),
        (("kafka.address=k:1", "monitoring.enabled=true", "api.tokens.existingSecret=t"), "api.metricsToken"),
        (("kafka.address=k:1", "producers[0].venue=nowhere"), "venue"),
    ],
)
@pytest.mark.parametrize("helm", HELMS)
def test_wrong_values_are_refused_with_what_is_wrong(helm: str, options: tuple[str, ...], message: str) -> None:
    found = template(helm, *(word for each in options for word in ("--set", each)))
    assert found.returncode != 0
    assert re.search(message, found.stderr), found.stderr


@pytest.mark.parametrize("environment", NAMES)
def test_pods_start_commands_and_settings_that_volcast_has(environment: str) -> None:
    objects = rendered(environment)
    settings = next(each["data"] for name, each in of_kind(objects, "ConfigMap").items() if name.endswith("-settings"))
    known = {(PREFIX + name).upper() for name in Settings.model_fields}
    assert set(settings) <= known
    for _, pod in pods(objects):
        for container in pod["containers"]:
            assert {each["name"] for each in container.get("env", ())} <= known
            if "args" in container:
                words = list(container["args"])
                command: click.Command = main
                while isinstance(command, click.Group):
                    found = command.get_command(click.Context(command), words.pop(0))
                    assert found
                    command = found
                command.make_context("volcast", words, default_map={"bus": "kafka://k:1"})


@pytest.mark.parametrize("environment", NAMES)
def test_the_values_of_settings_are_accepted(environment: str) -> None:
    objects = rendered(environment)
    settings = next(each["data"] for name, each in of_kind(objects, "ConfigMap").items() if name.endswith("-settings"))
    for name, pod in pods(objects):
        container = pod["containers"][0]
        if "envFrom" not in container:
            continue
        given = settings | {each["name"]: each.get("value", "from-elsewhere") for each in container["env"]}
        given = {variable: value for variable, value in given.items() if not variable.endswith("_FILE")}  # files of the pod
        found = CliRunner().invoke(main, ["settings"], env=given)
        assert found.exit_code == 0, (name, found.output)
        assert settings["VOLCAST_BUS"] in found.output


@pytest.mark.parametrize("environment", NAMES)
def test_every_pod_is_restricted(environment: str) -> None:
    found = dict(pods(rendered(environment)))
    assert len(found) >= 4
    for name, pod in found.items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name  # else VOLCAST_PORT=tcp://… would be taken for a setting
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert set(container["resources"]) == {"requests", "limits"}
    kinds = {each["kind"] for each in rendered(environment)}
    assert kinds.isdisjoint({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})  # the ServiceAccount has no rights
    assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("environment", NAMES)
def test_selectors_select_exactly_their_own_pods(environment: str) -> None:
    objects = rendered(environment)
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in objects
        if "template" in each.get("spec", {})
    }

    def selected(selector: dict[str, str]) -> list[str]:
        return [name for name, of_pod in labels.items() if selector.items() <= of_pod.items()]

    for kind, path in {
        "Service": ("selector",),
        "PodDisruptionBudget": ("selector", "matchLabels"),
        "NetworkPolicy": ("podSelector", "matchLabels"),
    }.items():
        for name, each in of_kind(objects, kind).items():
            selector = each["spec"]
            for key in path:
                selector = selector[key]
            assert selected(selector) == ([name] if not name.endswith("-test") else []), (kind, name)
    if environment != "dev":
        assert set(of_kind(objects, "NetworkPolicy")) == {*labels, "volcast-test"}


def test_an_update_of_the_api_takes_no_ready_pod_away() -> None:
    spec = of_kind(rendered("prod"), "Deployment")["volcast-api"]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    drain_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    readiness = container["readinessProbe"]
    assert readiness["httpGet"]["path"] == "/ready"
    assert drain_s >= readiness["periodSeconds"] * readiness["failureThreshold"]
    assert pod["terminationGracePeriodSeconds"] > drain_s + 3 + 5


def test_a_consumer_has_the_time_to_write_its_snapshots_and_keeps_its_name() -> None:
    objects = rendered("plain")
    spec = of_kind(objects, "StatefulSet")["volcast-consumer"]["spec"]
    pod = spec["template"]["spec"]
    stop_s = commits._COMMIT_S + commits._SNAPSHOTS_S
    assert pod["terminationGracePeriodSeconds"] >= 2 * stop_s
    settings = of_kind(objects, "ConfigMap")["volcast-settings"]["data"]
    assert float(settings["VOLCAST_SESSION_TIMEOUT_S"]) > stop_s  # its partitions wait for it while it is replaced
    container = pod["containers"][0]
    names = {each["name"]: each for each in container["env"]}
    assert names["VOLCAST_INSTANCE_ID"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert "volumeClaimTemplates" not in spec  # all state is on the log


def test_probes_ask_ports_that_the_containers_have() -> None:
    for name, pod in pods(rendered("dev")):
        for container in pod["containers"]:
            ports = {each["name"]: each["containerPort"] for each in container.get("ports", ())}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe in container:
                    assert container[probe].get("httpGet", container[probe].get("tcpSocket"))["port"] in ports, (name, probe)


def test_the_venues_of_the_schema_are_those_of_volcast() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["producers"]["items"]["properties"]["venue"]["enum"] == sorted(VENUES)
    assert schema["properties"]["exchange"]["properties"]["venue"]["enum"] == sorted(VENUES)


def test_every_value_is_in_the_schema_and_the_reverse() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

    def compare(part: dict[str, object], of_schema: Manifest, path: str) -> None:
        if "properties" not in of_schema:
            return
        assert set(of_schema["properties"]) == set(part), path
        for name, value in part.items():
            if isinstance(value, dict) and name not in {"requests", "limits"}:
                compare(value, of_schema["properties"][name], f"{path}.{name}")

    schema["properties"].pop("global")
    compare(values, schema, "values")


def test_what_is_monitored_has_the_names_of_the_alerts() -> None:
    objects = rendered("prod", "--set", "lifecycle.enabled=true")
    jobs = {each["spec"]["endpoints"][0]["relabelings"][0]["replacement"] for each in of_kind(objects, "ServiceMonitor").values()}
    prometheus = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text(encoding="utf-8"))
    assert jobs == {each["job_name"] for each in prometheus["scrape_configs"]} - {"prometheus"}
    alerts = yaml.safe_load((ROOT / "monitoring/alerts.yml").read_text(encoding="utf-8"))
    assert of_kind(objects, "PrometheusRule")["volcast"]["spec"] == alerts
    dashboards = {
        key: json.loads(text)
        for each in of_kind(objects, "ConfigMap").values()
        for key, text in each["data"].items()
        if key.endswith(".json")
    }
    folder = ROOT / "monitoring/grafana/dashboards"
    assert dashboards == {file.name: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")}


def test_the_plain_manifests_have_what_a_cluster_needs() -> None:
    kinds = {each["kind"] for each in plain()}
    assert kinds == {
        "Namespace", "ServiceAccount", "ConfigMap", "Deployment", "StatefulSet", "Service", "Ingress", "HorizontalPodAutoscaler",
        "PodDisruptionBudget", "NetworkPolicy",
    }  # fmt: skip


def test_the_scripts_are_valid_shell() -> None:
    for name in ("render-k8s.sh", "kubernetes-tools.sh"):
        script = ROOT / "deploy" / name
        assert os.access(script, os.X_OK)
        subprocess.run(["/bin/bash", "-n", script], check=True)
