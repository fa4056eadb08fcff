"""checkov's rules for manifests and Dockerfiles, on what the chart renders, on deploy/k8s and on the Dockerfile.

It has no rule for what deploy/terraform makes.
"""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.deploy.kubernetes.tools import PLAIN, ROOT, Manifest, of_kind, rendered, run
from tests.deploy.workflow_tools import installed

CHECKOV = "checkov==3.3.30"
DIGEST = f"sha256:{'0' * 64}"
VALUES = (
    "--set", "lifecycle.enabled=true,istio.enabled=true,consumer.keda.enabled=true,exchange.enabled=true",
    "--set", f"image.digest={DIGEST},lifecycle.image.digest={DIGEST}",
)  # fmt: skip
TEST_POD, ARCHIVER = "Pod.volcast.volcast-test", "Deployment.volcast.volcast-archiver"
EVERYWHERE = {
    "CKV_K8S_15": "no imagePullPolicy Always: a version is one image, and nodes shall start pods while the registry is away",
    "CKV_K8S_35": "secrets in variables: clients of S3 and MLflow read nothing else, and each pod has one process",
}
ACCEPTED = {
    ("CKV_K8S_8", TEST_POD): "`helm test` starts it and waits for its end; nothing restarts it",
    ("CKV_K8S_9", TEST_POD): "nobody asks it",
    ("CKV_K8S_9", ARCHIVER): "nobody asks it, and an update of the release shall not wait until a long log is archived",
    ("CKV_DOCKER_7", "/Dockerfile.FROM"): "the version of the base image stands in an argument, which checkov does not read",
}
"""What is found and stays, with the reason. Images of deploy/k8s have no digest: they are an example's."""
pytestmark = pytest.mark.timeout(600)


def findings(folder: Path) -> tuple[set[tuple[str, str, str]], int]:
    """Return file, check and resource of what checkov finds in a folder, and how many checks have passed."""
    path = Path(installed(CHECKOV))
    options = ("--quiet", "--compact", "--skip-download", "--framework", "kubernetes", "dockerfile", "--output", "json")
    done = run(path, "--directory", folder, *options)
    assert done.stdout.startswith(("{", "[")), done.stdout + done.stderr
    reports = json.loads(done.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    assert sum(each["summary"]["parsing_errors"] for each in reports) == 0
    failed = [found for each in reports for found in each["results"]["failed_checks"]]
    passed = sum(each["summary"]["passed"] for each in reports)
    return {(Path(each["file_path"]).name, each["check_id"], each["resource"]) for each in failed}, passed


def test_nothing_is_found_that_is_not_accepted_for_a_reason(tmp_path: Path) -> None:
    folder = tmp_path / "scanned"
    shutil.copytree(PLAIN, folder)
    shutil.copy(ROOT / "Dockerfile", folder)
    for environment in ("staging", "prod"):  # dev has no policies of the network
        objects = rendered(environment, *VALUES)
        (folder / f"{environment}-chart.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    found, passed = findings(folder)
    assert passed > 500
    digests = {each for each in found if each[1] == "CKV_K8S_43" and (PLAIN / each[0]).exists()}
    left = {(check, resource) for _, check, resource in found - digests if check not in EVERYWHERE}
    assert left == set(ACCEPTED)
    assert {check for _, check, _ in found} >= set(EVERYWHERE)


def test_a_weakness_is_found(tmp_path: Path) -> None:
    def weakened(key: str, value: object) -> Manifest:
        pod: Manifest = json.loads(json.dumps(of_kind(rendered("prod", *VALUES), "Deployment")["volcast-api"]))
        pod["metadata"]["name"] = key.lower()
        pod["spec"]["template"]["spec"]["containers"][0]["securityContext"][key] = value
        return pod

    wrong = {
        "privileged": (True, "CKV_K8S_16"),
        "allowPrivilegeEscalation": (True, "CKV_K8S_20"),
        "readOnlyRootFilesystem": (False, "CKV_K8S_22"),
    }
    (tmp_path / "weak.yaml").write_text(
        yaml.safe_dump_all([weakened(key, value) for key, (value, _) in wrong.items()]), encoding="utf-8"
    )
    (tmp_path / "Dockerfile").write_text("FROM debian:latest\nUSER root\n", encoding="utf-8")
    found, _ = findings(tmp_path)
    pairs = {(check, resource.rpartition(".")[2]) for _, check, resource in found}
    assert {(check, key.lower()) for key, (_, check) in wrong.items()} <= pairs
    assert {"CKV_DOCKER_7", "CKV_DOCKER_8"} <= {check for check, _ in pairs}
