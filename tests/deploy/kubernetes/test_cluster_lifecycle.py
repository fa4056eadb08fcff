"""Archiver and night on a real API server: both are admitted, the CronJob makes a Job, and exit codes mean what they say.

No container runs, so the tests say with which code the night's has ended; the Job's controller decides what becomes of it.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.deploy.kubernetes.cluster import Cluster
from tests.deploy.kubernetes.tools import Manifest, long_loop, of_kind

pytestmark = pytest.mark.timeout(1_200)
NIGHT = "volcast-nightly"


@pytest.fixture(scope="module")
def night(cluster: Cluster) -> Iterator[Manifest]:
    """The CronJob, applied with all that belongs to it, and suspended so that no night begins by itself."""
    cluster.apply(list(long_loop()))
    cluster.kubectl("patch", "cronjob", NIGHT, "--namespace", "volcast", "--patch", '{"spec": {"suspend": true}}')
    yield of_kind(long_loop(), "CronJob")[NIGHT]
    kinds = "deployment,service,cronjob,networkpolicy"
    cluster.kubectl("delete", kinds, "--namespace", "volcast", "--field-selector", f"metadata.name={NIGHT}")
    cluster.kubectl("delete", kinds, "--namespace", "volcast", "--field-selector", "metadata.name=volcast-archiver")


class Job:
    """One night's Job."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster, self.name, self._ended = cluster, name, set[str]()

    @property
    def status(self) -> Manifest:
        found: Manifest = self._cluster.get("job", self.name).get("status", {})
        return found

    def conditions(self) -> dict[str, str]:
        """Return the reason of each condition that is true."""
        return {each["type"]: each.get("reason", "") for each in self.status.get("conditions", ()) if each["status"] == "True"}

    def running(self) -> Manifest | None:
        """Return the pod that runs now and has not been ended by this test."""
        words = ("get", "pods", "--namespace", "volcast", "--selector", f"job-name={self.name}", "--output", "json")
        pods = json.loads(self._cluster.kubectl(*words))["items"]
        return next((each for each in pods if each["status"]["phase"] == "Running" and self._is_new(each)), None)

    def ends_with(self, code: int) -> None:
        """Let the container of the pod that runs, or is started next, end with this code."""
        self.end(self.next(), code)

    def end(self, pod: Manifest, code: int) -> None:
        """Say what a node says of a pod whose container has ended."""
        self._ended.add(pod["metadata"]["uid"])
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        (state,) = pod["status"]["containerStatuses"]
        ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "startedAt": now, "finishedAt": now}
        state |= {"ready": False, "started": False, "state": {"terminated": ended}}
        status = {"phase": "Succeeded" if code == 0 else "Failed", "containerStatuses": [state]}
        words = ("patch", "pod", pod["metadata"]["name"], "--namespace", "volcast", "--subresource", "status", "--type", "merge")
        self._cluster.kubectl(*words, "--patch", json.dumps({"status": status}))

    def next(self) -> Manifest:
        found: list[Manifest] = []

        def is_there() -> bool:
            found.extend(pod for pod in [self.running()] if pod)
            return bool(found)

        self._cluster.until(f"a new pod of {self.name} runs", is_there)
        return found[0]

    def _is_new(self, pod: Manifest) -> bool:
        return pod["metadata"]["uid"] not in self._ended and "deletionTimestamp" not in pod["metadata"]


@pytest.fixture
def start(cluster: Cluster, night: Manifest, request: pytest.FixtureRequest) -> Iterator[Callable[..., Job]]:
    """Start a night as `kubectl create job --from` does, with other values where they are given."""
    name = request.node.name.replace("_", "-")[:50].strip("-")

    def make(**other: Any) -> Job:
        metadata = {"name": name, "namespace": "volcast"}
        spec = json.loads(json.dumps(night["spec"]["jobTemplate"]["spec"])) | other
        cluster.apply([{"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}])
        return Job(cluster, name)

    yield make
    cluster.kubectl("delete", "job", name, "--namespace", "volcast", "--ignore-not-found", "--wait=false")


@pytest.mark.usefixtures("night")
def test_the_archiver_is_admitted_and_comes_up(cluster: Cluster) -> None:
    cluster.until("the archiver is ready", lambda: cluster.ready("archiver") == 1)
    assert cluster.get("service", "volcast-archiver")["spec"]["clusterIP"] == "None"


def test_the_schedule_makes_a_job_and_its_pod_is_admitted(cluster: Cluster, night: Manifest) -> None:
    words = ("--namespace", "volcast", "--output", "json")

    def schedule(cron: str, *, suspend: bool) -> None:
        patch = json.dumps({"spec": {"schedule": cron, "suspend": suspend}})
        cluster.kubectl("patch", "cronjob", NIGHT, "--namespace", "volcast", "--patch", patch)

    def made() -> list[str]:
        jobs = json.loads(cluster.kubectl("get", "jobs", *words))["items"]
        return [
            each["metadata"]["name"]
            for each in jobs
            if NIGHT in {owner["name"] for owner in each["metadata"].get("ownerReferences", ())}
        ]

    assert made() == []
    schedule("* * * * *", suspend=False)
    try:
        cluster.until("the CronJob has made a Job", made)
    finally:
        schedule(night["spec"]["schedule"], suspend=True)
    job = Job(cluster, made()[0])
    pod = job.next()
    assert pod["spec"]["containers"][0]["args"][:2] == ["nightly", "--archive"]
    job.ends_with(0)
    cluster.until("the Job is complete", lambda: "Complete" in job.conditions())
    assert job.status.get("failed", 0) == 0


def test_a_day_that_is_not_archived_yet_is_waited_for(cluster: Cluster, start: Callable[..., Job]) -> None:
    job = start(backoffLimit=0)  # a failure that counts would be the last
    job.ends_with(99)
    job.ends_with(0)
    cluster.until("the Job is complete", lambda: "Complete" in job.conditions())
    assert job.status.get("failed", 0) == 0
    assert job.status["succeeded"] == 1


def test_a_step_that_failed_is_tried_again(cluster: Cluster, start: Callable[..., Job]) -> None:
    job = start()
    job.ends_with(1)
    job.ends_with(0)
    cluster.until("the Job is complete", lambda: "Complete" in job.conditions())
    assert (job.status["failed"], job.status["succeeded"]) == (1, 1)


def test_it_fails_for_good_once_its_attempts_are_used_up(cluster: Cluster, start: Callable[..., Job]) -> None:
    job = start(backoffLimit=1)
    job.ends_with(1)
    job.ends_with(3)
    cluster.until("the Job has failed", lambda: job.conditions().get("Failed") == "BackoffLimitExceeded")


def test_wrong_usage_is_not_tried_again(cluster: Cluster, start: Callable[..., Job]) -> None:
    job = start()
    job.ends_with(2)
    cluster.until("the Job has failed", lambda: job.conditions().get("Failed") == "PodFailurePolicy")
    assert job.running() is None


def test_an_evicted_night_is_started_again(cluster: Cluster, start: Callable[..., Job]) -> None:
    job = start(backoffLimit=0)
    pod = job.next()
    name = pod["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "volcast"}}
    path = f"/api/v1/namespaces/volcast/pods/{name}/eviction"
    cluster.kubectl("create", "--raw", path, "--filename", "-", given=json.dumps(body))
    job.end(pod, 143)  # SIGTERM: the Job waits for the end of a pod before it replaces it
    job.ends_with(0)
    cluster.until("the Job is complete", lambda: "Complete" in job.conditions())
    assert job.status.get("failed", 0) == 0
