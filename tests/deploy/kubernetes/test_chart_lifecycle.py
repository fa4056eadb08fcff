"""The chart's part of the long loop: off by default; archiver and night as volcast and the S3 server want them."""

import re

import click
import pytest

from tests.deploy.kubernetes.tools import Manifest, of_kind, pods, rendered, template
from volcast.cli.main import main
from volcast.lifecycle.archive.bucket import s3_access

ON = (
    "lifecycle.enabled=true",
    "lifecycle.s3.endpoint=http://seaweedfs:9000",
    "lifecycle.s3.existingSecret=keys",
    "lifecycle.nightly.mlflow.trackingUri=http://mlflow:5000/",
    "lifecycle.nightly.promote=true",
    "lifecycle.nightly.arguments={--expect,BTCUSDT.BINANCE}",
)


def objects() -> tuple[Manifest, ...]:
    return rendered("plain", *(word for each in ON for word in ("--set", each)))


def test_it_is_off_by_default() -> None:
    assert not [name for name, _ in pods(rendered("plain")) if re.search("archiver|nightly", name)]
    with_it, without = ({(each["kind"], each["metadata"]["name"]) for each in some} for some in (objects(), rendered("plain")))
    assert {name for _, name in with_it - without} == {"volcast-archiver", "volcast-nightly"}
    assert without < with_it


@pytest.mark.parametrize("name", ["volcast-archiver", "volcast-nightly"])
def test_its_pods_are_restricted_and_start_what_volcast_has(name: str) -> None:
    pod = dict(pods(objects()))[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["image"].startswith("volcast-lifecycle:")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    command: click.Command = main
    words = list(container["args"])
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found
        command = found
    command.make_context("volcast", words, default_map={"bus": "kafka://k:1"})
    assert ("--promote" in container["args"]) == (name == "volcast-nightly")


def test_the_keys_come_from_the_secret() -> None:
    for name, pod in pods(objects()):
        if name not in {"volcast-archiver", "volcast-nightly"}:
            continue
        variables = {each["name"]: each for each in pod["containers"][0]["env"]}
        given = {key: each.get("value", f"from {each.get('valueFrom')}") for key, each in variables.items()}
        assert s3_access(given).endpoint == "http://seaweedfs:9000"
        assert variables["AWS_SECRET_ACCESS_KEY"]["valueFrom"]["secretKeyRef"] == {"name": "keys", "key": "secret-key"}
        assert ("MLFLOW_TRACKING_URI" in given) == (name == "volcast-nightly")


def test_a_failed_gate_is_not_tried_again_and_a_lost_pod_is() -> None:
    spec = of_kind(objects(), "CronJob")["volcast-nightly"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    job = spec["jobTemplate"]["spec"]
    fail, ignore = job["podFailurePolicy"]["rules"]
    assert (fail["action"], fail["onExitCodes"]["values"]) == ("FailJob", [1, 2])
    assert ignore["action"] == "Ignore"
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # what a policy of failures asks for


def test_it_may_reach_the_bucket_and_mlflow() -> None:
    policies = of_kind(objects(), "NetworkPolicy")
    for name in ("volcast-archiver", "volcast-nightly"):
        ports = {each["port"] for rule in policies[name]["spec"]["egress"] for each in rule["ports"]}
        assert ports == {53, 9092, 9000, 5000}
    amazon = rendered("plain", "--set", "lifecycle.enabled=true")
    ports = {
        each["port"] for rule in of_kind(amazon, "NetworkPolicy")["volcast-archiver"]["spec"]["egress"] for each in rule["ports"]
    }
    assert ports == {53, 9092, 443}


@pytest.mark.parametrize("wrong", ["lifecycle.archive=volcast", "lifecycle.s3.endpoint=seaweedfs:9000", "lifecycle.bucket=x"])
def test_wrong_values_are_refused(wrong: str) -> None:
    found = template("helm4", "--set", "kafka.address=k:1", "--set", "lifecycle.enabled=true", "--set", wrong)
    assert found.returncode != 0
    assert wrong.partition("=")[0].split(".")[-1] in found.stderr
