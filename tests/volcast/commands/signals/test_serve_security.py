"""`volcast serve` with tokens and TLS, run as a process and asked as friends and strangers would."""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from tests.command import process_group, volcast
from tests.stories.waiting import until
from tests.volcast.commands.signals.test_serve import commit
from volcast.log.sqlite.log import SqliteLog
from volcast.proof.processes.processes import Process

READ, ADMIN = "r" * 20 + "Secret12", "a" * 20 + "Secret34"


def address(process: Process) -> str | None:
    found = re.search(r"(https?://\S+)/latest\b", process.read_output())
    return found[1] if found else None


@contextmanager
def tokens_file(folder: Path) -> Iterator[Path]:
    path = folder / "tokens"
    path.write_text(f"page read {READ}\nops admin {ADMIN}\n")
    path.chmod(0o600)
    yield path


async def test_friends_read_and_strangers_do_not(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with SqliteLog(tmp_path / "log.db") as log:
        await commit(log, 3)
    with tokens_file(tmp_path) as tokens, process_group(tmp_path) as parts:
        options = ("--api-tls-cert-file", "cert.pem", "--api-tls-key-file", "key.pem", "--api-requests-per-minute", "60")
        api = parts.start("serve", "--bus", "sqlite:///log.db", "--port", "0", "--api-tokens-file", str(tokens), *options)
        await until(lambda: address(api), "the address", api)
        base = str(address(api))
        assert base.startswith("https://")
        async with httpx.AsyncClient(base_url=base, verify=trusting, trust_env=False, timeout=30) as client:
            reader, admin = ({"authorization": f"Bearer {token}"} for token in (READ, ADMIN))
            assert [(await client.get(path)).status_code for path in ("/latest", "/config", "/metrics", "/health")] == [
                401,
                401,
                401,
                200,
            ]
            assert (await client.get("/latest", headers=reader)).status_code == 200
            assert (await client.get("/config", headers=reader)).status_code == 403
            config = await client.get("/config", headers=admin)
            assert (config.status_code, "api_tokens_file" in config.text) == (200, True)
            async with client.stream("GET", "/stream", headers=reader) as stream:
                async for line in stream.aiter_lines():
                    if line == "event: signal":
                        break
            assert (await client.post("/latest", headers=reader, content=b"x" * 2_100_000)).status_code == 413
            assert (await client.get(f"/latest?token={READ}", headers=reader)).status_code == 400
            assert "Secure" in (await client.post("/session", headers=reader)).headers["set-cookie"]
            assert (await client.get("/latest")).status_code == 200  # by the cookie
            client.cookies.clear()
            answers = [await client.get("/latest", headers=reader) for _ in range(60)]
            assert {each.status_code for each in answers} == {200, 429}
            assert int(answers[-1].headers["retry-after"]) >= 1
            assert json.loads(answers[-1].text)["status"] == 429
            assert (await client.get("/health")).status_code == 200
            told = config.text + "".join(each.text for each in answers)
            with pytest.raises(httpx.TransportError):
                await client.get(base.replace("https", "http") + "/health")
        assert api.end() == 0
        for secret in (READ, ADMIN):
            assert secret not in api.read_output() + told


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        (f"page read {READ}", 0o644, "api_tokens_file: the tokens in tokens are open to other users (mode 0644): "),
        (f"page reed {READ}", 0o600, "api_tokens_file: tokens: line 1: the second word is read or admin"),
        (None, 0, "api_tokens_file: the tokens in tokens cannot be read: No such file or directory"),
    ],
)
@pytest.mark.parametrize("command", [("serve", "--bus", "sqlite:///log.db"), ("run", "--db", "log.db")])
def test_tokens_that_cannot_be_used_stop_the_command(
    tmp_path: Path, command: tuple[str, ...], content: str | None, mode: int, sentence: str
) -> None:
    if content:
        (tmp_path / "tokens").write_text(content)
        (tmp_path / "tokens").chmod(mode)
    result = volcast(tmp_path, *command, "--port", "0", "--api-tokens-file", "tokens")
    assert (result.returncode, result.stderr.startswith(f"volcast: {sentence}")) == (2, True), result.stderr
    assert READ not in result.stderr + result.stdout
    assert not (tmp_path / "log.db").exists()


async def test_who_listens_for_strangers_without_tokens_is_warned_once(tmp_path: Path) -> None:
    with process_group(tmp_path) as parts:
        api = parts.start("serve", "--bus", "sqlite:///log.db", "--port", "0", "--host", "0.0.0.0")  # noqa: S104
        await until(lambda: address(api), "the address", api)
        assert api.end() == 0
        assert api.read_output().count("whoever can reach this address can read it") == 1
