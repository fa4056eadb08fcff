"""The manifests and the chart on a real API server: what it refuses, and what its controllers do. `make test-kubernetes` runs it.

The nodes are played by kwok, so no container starts: pods become ready as they are scheduled.
"""

import json
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.deploy.kubernetes.cluster import Cluster
from tests.deploy.kubernetes.terraform import PROGRAMS, Workspace
from tests.deploy.kubernetes.tools import (
    ALL,
    CACHE,
    CHART,
    ENVIRONMENTS,
    HELMS,
    PLAIN,
    WITHOUT_SCHEMA,
    Manifest,
    long_loop,
    of_kind,
    plain,
    pods,
    program,
    rendered,
    run,
)

pytestmark = pytest.mark.timeout(1_200)


def api(cluster: Cluster) -> Manifest:
    return cluster.get("deployment", "volcast-api")


def are_ready(cluster: Cluster, component: str) -> bool:
    return cluster.ready(component) == 2


def test_the_plain_manifests_come_up(cluster: Cluster) -> None:
    for component in ("api", "consumer", "producer-binance"):
        cluster.until(f"2 pods of {component} are ready", partial(are_ready, cluster, component))
    names = sorted(pod["metadata"]["name"] for pod in cluster.pods("consumer"))
    assert names == ["volcast-consumer-0", "volcast-consumer-1"]
    nodes = {pod["spec"]["nodeName"] for pod in cluster.pods("consumer")}
    assert len(nodes) == 2  # spread
    events = json.loads(cluster.kubectl("get", "events", "--namespace", "volcast", "--output", "json"))["items"]
    assert [each["message"] for each in events if each["reason"].startswith("FailedCreate")] == []


def test_a_server_refuses_what_schemas_pass(cluster: Cluster) -> None:
    broken = json.loads(json.dumps(of_kind(plain(), "Deployment")["volcast-api"]))
    broken["metadata"]["name"] = "broken"
    broken["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] = "other"
    assert "`selector` does not match template `labels`" in cluster.apply([broken], "--dry-run=server", check=False)


@pytest.fixture(scope="module")
def definitions(cluster: Cluster) -> None:
    """The definitions of the operators' objects, known to the API server."""
    for file in sorted((CACHE / "crds").glob("*.yaml")):
        cluster.kubectl("apply", "--server-side", "--filename", file)
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


@pytest.mark.usefixtures("definitions")
@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_server_takes_each_environment(cluster: Cluster, environment: str) -> None:
    objects = [each for each in rendered(environment, *ALL) if each["kind"] not in WITHOUT_SCHEMA]
    cluster.apply(objects, "--dry-run=server", "--force-conflicts")


@pytest.mark.usefixtures("definitions")
def test_the_server_takes_what_is_for_operators(cluster: Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "--validate=strict", "--dry-run=server", "--filename", PLAIN / "operators")


def test_pod_security_takes_our_pods_and_refuses_others(cluster: Cluster) -> None:
    labels = cluster.get("namespace", "volcast")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod in (*pods(plain()), *pods(long_loop())):
        bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"bare-{name}", "namespace": "volcast"}, "spec": pod}
        assert "violates PodSecurity" not in cluster.apply([bare], "--dry-run=server")
        escalates = {"allowPrivilegeEscalation": True}
        for wrong in ({"privileged": True} | escalates, {"runAsUser": 0}, escalates, {"capabilities": {"add": ["NET_RAW"]}}):
            broken = json.loads(json.dumps(bare))
            broken["spec"]["containers"][0]["securityContext"] |= wrong
            assert "violates PodSecurity" in cluster.apply([broken], "--dry-run=server", check=False), wrong


def test_the_service_account_may_do_nothing(cluster: Cluster) -> None:
    token = cluster.kubectl("create", "token", "volcast", "--namespace", "volcast")
    config = cluster.write_config(cluster.folder / "pod.kubeconfig", token)
    who = cluster.kubectl("auth", "whoami", "--output", "json", config=config)
    assert json.loads(who)["status"]["userInfo"]["username"] == "system:serviceaccount:volcast:volcast"
    for verb in ("get", "list", "create", "delete"):
        for kind in ("secrets", "configmaps", "pods", "pods/exec", "deployments.apps"):
            words = ("auth", "can-i", verb, kind, "--namespace", "volcast")
            assert cluster.kubectl(*words, config=config, check=False).splitlines()[-1] == "no", (verb, kind)
            assert cluster.kubectl(*words).splitlines()[-1] == "yes"
    assert "Forbidden" in cluster.kubectl("get", "secrets", "--namespace", "volcast", config=config, check=False)


@pytest.mark.parametrize("helm", HELMS)
def test_install_upgrade_rollback(cluster: Cluster, helm: str, tmp_path: Path) -> None:
    namespace, path = f"release-{helm}", program(helm)
    homes = {
        "HELM_CACHE_HOME": str(tmp_path),
        "HELM_CONFIG_HOME": str(tmp_path),
        "HELM_DATA_HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }

    def release(verb: str, *options: str | Path) -> str:
        done = run(path, verb, "volcast", *options, "--namespace", namespace, "--kubeconfig", cluster.config, env=homes)
        assert done.returncode == 0, done.stderr
        return done.stdout

    values = (CHART, "--values", ENVIRONMENTS / "plain.yaml", "--set", "namespace.create=false,ingress.enabled=false")

    def window() -> str | None:
        data: dict[str, str] = cluster.get("configmap", "volcast-settings", namespace)["data"]
        return data.get("VOLCAST_WINDOW")

    notes = release("install", *values, "--create-namespace")
    assert "WARNING: the API has no tokens" in notes
    assert window() is None
    first = cluster.get("deployment", "volcast-api", namespace)["spec"]["template"]
    release("upgrade", *values, "--set", "settings.window=9,lifecycle.enabled=true")
    assert window() == "9"
    assert cluster.get("cronjob", "volcast-nightly", namespace)["spec"]["schedule"] == "0 2 * * *"
    cluster.until("the archiver is ready", lambda: cluster.ready("archiver", namespace) == 1)
    assert cluster.get("deployment", "volcast-api", namespace)["spec"]["template"] != first  # a changed setting replaces pods
    release("rollback", "1")
    assert window() is None
    assert "NotFound" in cluster.kubectl("get", "cronjob", "volcast-nightly", "--namespace", namespace, check=False)
    assert cluster.get("deployment", "volcast-api", namespace)["spec"]["template"] == first
    release("uninstall")
    assert "NotFound" in cluster.kubectl("get", "deployment", "volcast-api", "--namespace", namespace, check=False)


@pytest.mark.parametrize("name", PROGRAMS)
def test_terraform_makes_the_namespace_and_the_release(cluster: Cluster, name: str, tmp_path: Path) -> None:
    workspace = Workspace(name, tmp_path)
    workspace.init()
    namespace = f"by-{name}"
    variables = ["-input=false"]
    for variable in (f"kubeconfig={cluster.config}", "context=here", "environment=dev", f"namespace={namespace}"):
        variables += ["-var", variable]

    def apply(*options: str) -> str:
        done = workspace.run("apply", "-auto-approve", *variables, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return workspace.run("output", "-raw", "revision").stdout

    assert apply() == "1"
    assert cluster.get("namespace", namespace)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for component in ("api", "consumer", "exchange", "producer-simulated"):  # it has waited until they are ready
        assert cluster.ready(component, namespace) == 1
    changed = ("-var", "values={settings={window=9}}")
    assert apply(*changed) == "2"
    assert cluster.get("configmap", "volcast-settings", namespace)["data"]["VOLCAST_WINDOW"] == "9"
    assert workspace.run("plan", "-detailed-exitcode", *variables, *changed).returncode == 0  # nothing is left to change
    done = workspace.run("destroy", "-auto-approve", *variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NotFound" in cluster.kubectl("get", "namespace", namespace, check=False)


def test_an_update_of_the_api_never_has_fewer_ready_pods(cluster: Cluster) -> None:
    cluster.until("2 pods are ready", lambda: cluster.ready("api") == 2)
    before = {pod["metadata"]["uid"] for pod in cluster.pods("api")}
    seen, done = list[int](), threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(cluster.ready("api"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        cluster.kubectl("set", "image", "deployment/volcast-api", "api=volcast:0.1.1", "--namespace", "volcast")
        cluster.kubectl("rollout", "status", "deployment/volcast-api", "--namespace", "volcast", "--timeout=180s")
    finally:
        done.set()
        watcher.join()
    assert len(seen) > 2
    assert min(seen) >= 2
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in cluster.pods("api"))


def test_an_update_replaces_one_consumer_at_a_time(cluster: Cluster) -> None:
    cluster.until("2 consumers are ready", lambda: cluster.ready("consumer") == 2)
    cluster.kubectl("set", "image", "statefulset/volcast-consumer", "consumer=volcast:0.1.1", "--namespace", "volcast")
    seen: list[int] = []

    def updated() -> bool:
        status = cluster.get("statefulset", "volcast-consumer")["status"]
        seen.append(cluster.ready("consumer"))
        return bool(status.get("updatedReplicas") == 2 and status.get("currentRevision") == status.get("updateRevision"))

    cluster.until("both are replaced", updated)
    assert min(seen) >= 1
    assert sorted(pod["metadata"]["name"] for pod in cluster.pods("consumer")) == ["volcast-consumer-0", "volcast-consumer-1"]


def test_the_disruption_budget_lets_one_pod_go(cluster: Cluster) -> None:
    cluster.until("2 pods are ready", lambda: cluster.ready("api") == 2)
    cluster.until(
        "one may go", lambda: cluster.get("poddisruptionbudget", "volcast-api")["status"].get("disruptionsAllowed") == 1
    )
    names = [pod["metadata"]["name"] for pod in cluster.pods("api")]

    def evict(name: str) -> str:
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "volcast"}}
        path = f"/api/v1/namespaces/volcast/pods/{name}/eviction"
        return cluster.kubectl("create", "--raw", path, "--filename", "-", given=json.dumps(body), check=False)

    cluster.kubectl("cordon", "--selector", "type=kwok")  # no replacement becomes ready
    try:
        assert "Success" in evict(names[0])
        assert "violate the pod's disruption budget" in evict(names[1])
    finally:
        cluster.kubectl("uncordon", "--selector", "type=kwok")
    cluster.until("2 pods are ready again", lambda: cluster.ready("api") == 2)


def test_draining_a_node_leaves_a_pod_of_each_kind_ready(cluster: Cluster) -> None:
    components = ("api", "consumer", "producer-binance")
    for component in components:
        cluster.until(f"2 pods of {component} are ready", partial(are_ready, cluster, component))
    node = cluster.pods("consumer")[0]["spec"]["nodeName"]
    seen, done = list[int](), threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(min(map(cluster.ready, components)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        cluster.kubectl("drain", node, "--delete-emptydir-data", "--timeout=180s")
        for component in components:
            cluster.until(f"2 pods of {component} are ready elsewhere", partial(are_ready, cluster, component))
    finally:
        done.set()
        watcher.join()
        cluster.kubectl("uncordon", node)
    assert len(seen) > 2
    assert min(seen) >= 1
    assert node not in {pod["spec"]["nodeName"] for component in components for pod in cluster.pods(component)}
