"""The workflows of GitHub, GitLab's file and the Jenkinsfile: they are valid, pinned, and call targets that exist."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.workflow_tools import (
    CHECK_JSONSCHEMA,
    GITLAB,
    JENKINS,
    ROOT,
    WORKFLOWS,
    ZIZMOR,
    actionlint,
    commands,
    installed,
    jobs,
    load,
    make_targets,
    needs,
    run,
    steps,
)

CI, COMMENT = ROOT / ".github/workflows/ci.yml", ROOT / ".github/workflows/comment.yml"
ALL = [*WORKFLOWS, GITLAB, JENKINS]
PYTHONS = ["3.11", "3.12", "3.13"]
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.dependabot": [ROOT / ".github/dependabot.yml"],
    "vendor.gitlab-ci": [GITLAB],
}


def test_actionlint_finds_nothing_in_the_workflows() -> None:
    done = run(actionlint(), "-no-color", *WORKFLOWS)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-96.04"),
        ("needs: gate", "needs: gait"),
        ("${{ github.sha }}", "${{ github.sah }}"),
    ],
)
def test_actionlint_finds_a_planted_mistake(tmp_path: Path, right: str, wrong: str) -> None:
    folder = tmp_path / ".github/workflows"
    shutil.copytree(CI.parent, folder)
    (folder / "ci.yml").write_text(CI.read_text().replace(right, wrong, 1))
    done = run(actionlint(), "-no-color", folder / "ci.yml", cwd=tmp_path)
    assert done.returncode == 1
    assert wrong.rsplit(maxsplit=1)[-1].strip("${} ").rpartition(".")[2] in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_files_satisfy_their_schemas_and_a_wrong_one_does_not(tmp_path: Path, schema: str) -> None:
    command = [installed(CHECK_JSONSCHEMA), "--builtin-schema", schema]
    if schema == "vendor.gitlab-ci":
        command += ["--data-transform", "gitlab-ci"]
    done = run(*command, *SCHEMAS[schema])
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "wrong.yml"
    text = SCHEMAS[schema][0].read_text()
    wrong.write_text(re.sub("timeout-minutes: 20|interval: weekly|when: manual", "wrong: [wrong]", text))
    assert "wrong" in wrong.read_text()
    assert run(*command, wrong).returncode == 1


@pytest.mark.slow
def test_zizmor_finds_no_security_fault_and_a_planted_one(tmp_path: Path) -> None:
    command = [installed(ZIZMOR), "--offline", "--no-progress", "--min-severity", "medium"]
    done = run(*command, ROOT / ".github")
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / ".github/workflows/ci.yml"
    wrong.parent.mkdir(parents=True)
    wrong.write_text(CI.read_text().replace("make lint", "echo ${{ github.head_ref }}", 1))
    done = run(*command, wrong)
    assert done.returncode != 0
    assert "template-injection" in done.stdout


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_each_target_that_is_called_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = make_targets(commands(path))
    assert called - targets == set()
    assert called or path.name == "comment.yml"


def test_targets_are_found_in_all_ways_of_writing_them() -> None:
    text = 'make a-b X="$(f g)" OUT=h\n- make c\nsh "make d"; make E=1 e && make f g\nthis makes h, a maker'
    assert make_targets(text) == {"a-b", "c", "d", "e", "f", "g"}


def test_gitlab_and_jenkins_call_what_github_calls() -> None:
    of_github = {target for path in WORKFLOWS for target in make_targets(commands(path))}
    of_github |= make_targets((ROOT / ".ci/run").read_text(encoding="utf-8"))
    for path in (GITLAB, JENKINS):
        of_one_machine = {"deploy", "health-check"}  # where GitHub deploys to clusters
        assert make_targets(commands(path)) - of_one_machine <= of_github, path.name
        assert "bash .ci/run" in commands(path)


def test_actions_are_pinned_by_commit_with_their_version_and_each_has_one_pin() -> None:
    used = [line for path in WORKFLOWS for line in re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))]
    theirs = [line for line in used if not line.startswith("./")]
    assert len(theirs) > 10
    assert [line for line in theirs if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []
    assert len(set(theirs)) == len({line.partition("@")[0] for line in theirs})
    for line in set(used) - set(theirs):
        assert (ROOT / line.split()[0]).is_file()


def test_each_job_has_its_own_rights_and_a_limit_of_time() -> None:
    for path in WORKFLOWS:
        assert load(path)["permissions"] == {}, path.name
    for name, job in jobs():
        assert "permissions" in job, name
        assert "timeout-minutes" in job or "uses" in job, name
        writes = {right for right, level in job["permissions"].items() if level == "write"}
        allowed = {"pull-requests"} if name.startswith("comment.yml") else {"packages", "id-token"} if "ploy" in name else set()
        assert writes <= allowed, name


def test_no_step_keeps_a_token_or_pastes_an_expression_into_its_shell() -> None:
    for name, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, name
        assert "${{" not in step.get("run", ""), name


def test_all_versions_of_python_are_tested() -> None:
    assert load(CI)["jobs"]["test"]["strategy"]["matrix"]["python"] == PYTHONS
    assert load(GITLAB)["test"]["parallel"]["matrix"] == [{"PYTHON_VERSION": PYTHONS}]
    assert f'requires-python = ">={PYTHONS[0]}"' in (ROOT / "pyproject.toml").read_text()


def test_the_gate_waits_for_each_check() -> None:
    found = load(CI)["jobs"]
    assert set(found["gate"]["needs"]) == set(found) - {"gate", "deploy"}
    assert found["deploy"]["needs"] == "gate"


@pytest.mark.parametrize(
    ("changed", "event", "passes"),
    [
        ({}, "pull_request", True),
        ({"compare": "skipped"}, "push", True),
        ({"compare": "skipped"}, "pull_request", False),
        ({"test": "failure"}, "push", False),
        ({"test": "skipped"}, "push", False),
        ({"chart": "cancelled"}, "pull_request", False),
    ],
)
def test_the_gate_is_open_only_if_all_have_succeeded(changed: dict[str, str], event: str, passes: bool) -> None:  # noqa: FBT001  # a table
    needs("jq")
    gate = load(CI)["jobs"]["gate"]
    results = {name: {"result": changed.get(name, "success"), "outputs": {}} for name in gate["needs"]}
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "NEEDS": json.dumps(results), "EVENT": event}
    done = run("bash", "-eo", "pipefail", "-c", gate["steps"][0]["run"], env=environment)
    assert (done.returncode == 0) is passes, done.stderr


def test_the_comment_runs_nothing_of_the_pull_request() -> None:
    job = load(COMMENT)["jobs"]["comment"]
    assert [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step] == ["actions/download-artifact"]
    assert job["permissions"] == {"actions": "read", "pull-requests": "write"}


def comment(folder: Path, pulls: list[dict[str, Any]]) -> str:
    """Run the step that comments, with a `gh` that knows these pull requests, and return what that was told."""
    needs("jq")
    (folder / "gh").write_text(
        f'#!/bin/bash\nif [ $1 = api ]; then cat {folder}/pulls; else echo "$@" >{folder}/told; cat "$5" >>{folder}/told; fi\n'
    )
    (folder / "gh").chmod(0o755)
    (folder / "pulls").write_text(json.dumps(pulls))
    environment = {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin", "SHA": "abc", "HEAD": "o:b", "GH_REPO": "o/r", "RUN": "7"}
    script = load(COMMENT)["jobs"]["comment"]["steps"][1]["run"]
    done = run("bash", "-eo", "pipefail", "-c", script, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return (folder / "told").read_text() if (folder / "told").exists() else ""


def test_the_comment_goes_to_the_pull_request_whose_newest_commit_was_measured(tmp_path: Path) -> None:
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison/speed.md").write_text("### Hot core\n")
    (tmp_path / "comparison/models.md").write_text("### The model of this tree\n")
    told = comment(tmp_path, [{"number": 4, "head": {"sha": "old"}}, {"number": 5, "head": {"sha": "abc"}}])
    assert told.startswith("pr comment 5 --body-file body.md --edit-last")
    assert 0 < told.index("### The model of this tree") < told.index("### Hot core")
    assert "There is no table of the accuracy: see [the run](https://github.com/o/r/actions/runs/7)." in told


def test_a_newer_commit_gets_no_comment_about_an_older_one(tmp_path: Path) -> None:
    assert comment(tmp_path, [{"number": 4, "head": {"sha": "newer"}}]) == ""


@pytest.mark.parametrize(
    ("branch", "staging", "deployed"),
    [
        ("dev", "skipped", {"dev"}),
        ("test", "success", {"staging"}),
        ("production", "skipped", {"production"}),
        ("main", "success", {"staging", "production"}),
        ("main", "failure", {"staging"}),
        ("another", "skipped", set()),
    ],
)
def test_each_branch_goes_to_its_environment(branch: str, staging: str, deployed: set[str]) -> None:
    found = load(ROOT / ".github/workflows/deploy.yml")["jobs"]
    values = {"github.ref_name": branch, "needs.staging.result": staging, "needs.publish.result": "success"}

    def starts(condition: str) -> bool:
        for name, value in values.items():
            condition = condition.replace(name, repr(value))
        condition = condition.replace("!cancelled()", "True").replace("&&", "and").replace("||", "or")
        assert re.fullmatch(r"[\w'()= ]+", condition), condition
        return bool(eval(condition))  # noqa: S307  # the lines above allow names, texts and operators alone

    assert {name for name, job in found.items() if name != "publish" and starts(job["if"])} == deployed
    assert set(load(CI)[True]["push"]["branches"]) == {"main", "dev", "test", "production"}  # YAML takes `on` for true


@pytest.mark.parametrize(
    ("environment", "branch", "is_deployed"),
    [
        ("prod", "main", True),
        ("prod", "production", True),
        ("prod", "test", False),
        ("prod", "productionx", False),
        ("staging", "test", True),
        ("staging", "dev", False),
        ("dev", "dev", True),
        ("elsewhere", "main", False),
    ],
)
def test_an_environment_takes_images_of_its_branches_alone(
    tmp_path: Path,
    environment: str,
    branch: str,
    is_deployed: bool,  # noqa: FBT001  # a table
) -> None:
    (tmp_path / "cosign").write_text(
        "#!/bin/bash\n"
        "while [ $1 != --certificate-identity-regexp ]; do shift; done\n"
        f'[[ "https://github.com/o/r.x/.github/workflows/deploy.yml@refs/heads/{branch}" =~ $2 ]] || exit 1\n'
        f'! [[ "https://github.com/o/rsx/.github/workflows/deploy.yml@refs/heads/{branch}" =~ $2 ]]\n'
    )
    (tmp_path / "cosign").chmod(0o755)
    (step,) = [
        each["run"]
        for each in load(ROOT / ".github/workflows/deploy-to.yml")["jobs"]["deploy"]["steps"]
        if "cosign verify" in each.get("run", "")
    ]
    variables = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "ENVIRONMENT": environment,
        "IMAGE": "i@sha256:0",
        "GITHUB_REPOSITORY": "o/r.x",
    }
    assert (run("bash", "-eo", "pipefail", "-c", step, env=variables).returncode == 0) is is_deployed
    options = load(ROOT / ".github/workflows/deploy-to.yml")[True]["workflow_dispatch"]["inputs"]["environment"]["options"]
    assert all((ROOT / f"deploy/helm/environments/{name}.yaml").is_file() for name in options)


def test_the_script_of_the_tools_leaves_alone_what_is_there(tmp_path: Path) -> None:
    script = ROOT / "deploy/workflow-tools.sh"
    assert run("bash", "-n", script).returncode == 0
    version = re.findall(r"^actionlint=(\S+)", script.read_text(), re.MULTILINE)[0]
    tool = tmp_path / "bin/actionlint"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/bash\necho {version}\n")
    tool.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "VOLCAST_WORKFLOW_TOOLS": str(tmp_path)}
    assert run(script, env=environment).returncode == 0
    tool.unlink()
    assert run(script, env=environment).returncode == 2 or shutil.which("go", path="/usr/bin:/bin")
