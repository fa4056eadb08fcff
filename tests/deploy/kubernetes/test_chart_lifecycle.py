"""The chart's part of the long loop: off by default; archiver and night as volcast and the S3 server want them."""

import re

import click
import pytest

from tests.deploy.kubernetes.tools import LONG_LOOP, long_loop, of_kind, pods, rendered, template
from volcast.cli.main import main
from volcast.lifecycle.archive.bucket import s3_access


def test_it_is_off_by_default() -> None:
    assert not [name for name, _ in pods(rendered("plain")) if re.search("archiver|nightly", name)]
    assert {each["metadata"]["name"] for each in long_loop()} == {"volcast-archiver", "volcast-nightly"}
    words = [word for each in LONG_LOOP for word in ("--set", each)]
    assert len(rendered("plain", *words)) == len(rendered("plain")) + len(long_loop())


@pytest.mark.parametrize("name", ["volcast-archiver", "volcast-nightly"])
def test_its_pods_are_restricted_and_start_what_volcast_has(name: str) -> None:
    pod = dict(pods(long_loop()))[name]
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
    for name, pod in pods(long_loop()):
        if name not in {"volcast-archiver", "volcast-nightly"}:
            continue
        variables = {each["name"]: each for each in pod["containers"][0]["env"]}
        given = {key: each.get("value", f"from {each.get('valueFrom')}") for key, each in variables.items()}
        assert s3_access(given).endpoint == "http://seaweedfs:9000"
        assert variables["AWS_SECRET_ACCESS_KEY"]["valueFrom"]["secretKeyRef"] == {"name": "keys", "key": "secret-key"}
        assert ("MLFLOW_TRACKING_URI" in given) == (name == "volcast-nightly")


def test_a_night_that_is_done_is_no_failure_and_wrong_usage_is_final() -> None:
    """tests/deploy/kubernetes/test_cluster_lifecycle.py has what a cluster makes of it."""
    spec = of_kind(long_loop(), "CronJob")["volcast-nightly"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    job = spec["jobTemplate"]["spec"]
    waits, fails, lost = job["podFailurePolicy"]["rules"]
    assert (waits["action"], waits["onExitCodes"]["values"]) == ("Ignore", [99])
    assert (fails["action"], fails["onExitCodes"]["values"]) == ("FailJob", [2])
    assert lost["action"] == "Ignore"
    assert "--repeat-ok" in job["template"]["spec"]["containers"][0]["args"]  # or else 99 would be tried until the deadline
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # what a policy of failures asks for


def test_it_may_reach_the_bucket_and_mlflow() -> None:
    policies = of_kind(long_loop(), "NetworkPolicy")
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
