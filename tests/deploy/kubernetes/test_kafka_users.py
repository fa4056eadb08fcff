"""How the chart's pods sign in to Kafka: each role as a user of its own, with the rights that were tried on a broker."""

import re

import pytest

from tests.deploy.kubernetes.tools import ROOT, of_kind, pods, rendered


def rights_of(role: str) -> dict[tuple[str, str], set[str]]:
    """Return the rights of a role in the table of docs/reference/settings.md, which a test tries on a broker."""
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    rows = re.findall(rf"^\| {role} \| (topic|group|transactional id)s? `([a-z.-]+)…?` \| ([A-Za-z, ]+) \|$", text, re.MULTILINE)
    return {(kind, name): set(operations.split(", ")) for kind, name, operations in rows}


@pytest.mark.parametrize("role", ["api", "archiver", "consumer", "operator", "producer"])
def test_at_strimzi_each_role_has_a_user_with_the_rights_that_were_tried(role: str) -> None:
    objects = rendered("staging", "--set", "settings.topic_prefix=x.")
    users = of_kind(objects, "KafkaUser")
    assert len(users) == 5
    granted = {}
    for right in users[f"volcast-kafka-{role}"]["spec"]["authorization"]["acls"]:
        resource = right["resource"]
        kind = {"transactionalId": "transactional id"}.get(resource["type"], resource["type"])
        whole = kind != "transactional id" or role == "operator"  # the operator has one transactional id alone
        assert resource["patternType"] == ("literal" if whole else "prefix")
        granted[kind, resource["name"].removeprefix("x.")] = set(right["operations"])
        assert resource["name"].startswith("x.")
    expected = rights_of(role)
    assert len(expected) >= 4
    creates = {right: {"Create"} for right in expected if right[0] == "topic"}  # any role may be the first to start
    assert granted == {right: operations | creates.get(right, set()) for right, operations in expected.items()}


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_each_role_signs_in_as_its_own_user_and_with_its_own_secret(environment: str) -> None:
    signed_in: dict[str, set[tuple[str, str]]] = {}
    for name, pod in pods(rendered(environment)):
        names = {each["name"]: each for each in pod["containers"][0].get("env", ())}
        if "VOLCAST_KAFKA_USERNAME" in names:
            role = re.findall("api|consumer|producer", name)[0]
            secret = names["VOLCAST_KAFKA_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"]
            signed_in.setdefault(role, set()).add((names["VOLCAST_KAFKA_USERNAME"]["value"], secret))
    assert set(signed_in) == {"api", "consumer", "producer"}
    assert len(set.union(*signed_in.values())) == 3  # one each
    if environment == "staging":  # the secrets that the user operator makes
        assert signed_in == {role: {(f"volcast-kafka-{role}",) * 2} for role in signed_in}


def test_the_long_loop_signs_in_as_two_more() -> None:
    objects = rendered("staging", "--set", "lifecycle.enabled=true")
    users = {}
    for name, pod in pods(objects):
        variables = {each["name"]: each for each in pod["containers"][0].get("env", ())}
        users[name] = variables.get("VOLCAST_KAFKA_USERNAME", {}).get("value")
    assert users["volcast-archiver"] == "volcast-kafka-archiver"
    assert users["volcast-nightly"] == "volcast-kafka-operator"


def test_a_single_user_is_possible_and_its_password_may_be_a_value() -> None:
    one = ("kafka.sasl.enabled=true", "kafka.sasl.username=u", "kafka.sasl.password=p", "kafka.sasl.roles.api.username=reader")
    objects = rendered("plain", "--set", ",".join((*one, "kafka.sasl.roles.api.existingSecret=of-reader")))
    secrets = {
        name: {each["name"]: each for each in pod["containers"][0]["env"]}["VOLCAST_KAFKA_PASSWORD"]["valueFrom"]["secretKeyRef"]
        for name, pod in pods(objects)
        if not name.endswith("-test")
    }
    assert secrets.pop("volcast-api") == {"name": "of-reader", "key": "password"}
    assert set(secrets) == {"volcast-consumer", "volcast-producer-binance"}
    assert all(each == {"name": "volcast-kafka", "key": "password"} for each in secrets.values())
    assert of_kind(objects, "Secret")["volcast-kafka"]["data"] == {"password": "cA=="}
