"""POST /predict over HTTP, with a pool whose one worker is this process: what is computed is real, only where is not."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.routes.predict.pool import PoolBusyError, PoolFailedError, PredictPool
from api.routes.predict.route import predict_routes
from api.routes.predict.worker import respond
from api.status import Now
from api.view import View
from tests.api.routes.predict.bodies import body, changed
from tests.market import walk
from volcast.core.types import MINUTE_MS

END_S = (walk(3)[-1].open_time_ms + MINUTE_MS) / 1_000


class LocalPool(PredictPool):
    """Computes in this process, or fails as it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(workers=1)
        self._error = error

    async def ask(self, body: bytes, is_gone: object = None) -> bytes:  # noqa: ARG002  # it is there
        if self._error:
            raise self._error
        return respond(body)


async def post(raw: bytes, age_s: float = 2.5, error: Exception | None = None) -> httpx.Response:
    app = FastAPI()
    app.include_router(predict_routes(lambda: Now(END_S + age_s, 1_000.0), 180.0, LocalPool(error)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://volcast") as client:
        return await client.post("/predict", content=raw)


async def test_an_answer() -> None:
    response = await post(body(3, quantiles=True))
    answer = response.json()
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert (answer["timestamp"], answer["status"], answer["age_seconds"]) == ("2024-01-01T00:02:00Z", "warming", 2.5)
    assert (answer["valid_until"], answer["horizon_end"]) == ("2024-01-01T00:06:00Z", "2024-01-01T01:03:00Z")
    assert (answer["model"], answer["candles"], answer["horizon_minutes"]) == ("two_stage", 3, 60)
    assert 0 < answer["volatility_lower"] < answer["volatility_median"] < answer["volatility_upper"]
    assert answer["price_lower"] < answer["close"] < answer["price_upper"]
    assert len(answer["quantiles"]["levels"]) == 13


@pytest.mark.parametrize(
    ("age_s", "status", "valid_until"),
    [
        (-31.0, "clock_skew", None),
        (180.0, "warming", "2024-01-01T00:06:00Z"),
        (181.0, "stale", "2024-01-01T00:06:00Z"),
        (1e9, "stale", "2024-01-01T00:06:00Z"),
    ],
)
async def test_the_status_is_that_of_the_last_candle(age_s: float, status: str, valid_until: str | None) -> None:
    answer = (await post(body(3), age_s)).json()
    assert (answer["status"], answer["valid_until"]) == (status, valid_until)
    assert answer["horizon_over"] == (age_s >= 3_600)


async def test_no_forecast_is_valid_beyond_its_horizon() -> None:
    long_stale = FastAPI()
    long_stale.include_router(predict_routes(lambda: Now(END_S, 0.0), 9_000.0, LocalPool()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(long_stale), base_url="http://volcast") as client:
        answer = (await client.post("/predict", content=body(3, horizon_minutes=5))).json()
    assert answer["valid_until"] == answer["horizon_end"] == "2024-01-01T00:08:00Z"


async def test_a_last_price_that_is_suspect_is_not_valid() -> None:
    answer = (await post(changed(-1, high=4_000_000.0))).json()
    assert (answer["suspect"], answer["valid_until"]) == (True, None)


async def test_a_wrong_body_is_refused_with_a_sentence() -> None:
    response = await post(changed(1, close=0.0))
    assert response.status_code == 422
    problem = response.json()
    assert problem["detail"] == "candles[1].close is 0: a price from 1e-12 to below 10^15 is expected"
    assert (problem["type"], problem["parameter"]) == ("/problems#invalid-request", "candles[1].close")


@pytest.mark.parametrize(("error", "after"), [(PoolBusyError(7), "7"), (PoolFailedError("it has ended"), "1")])
async def test_without_a_worker_the_client_is_told_when_to_come_again(error: Exception, after: str) -> None:
    response = await post(body(3), error=error)
    assert (response.status_code, response.headers["retry-after"]) == (503, after)
    assert response.json()["detail"] == str(error)


async def test_a_server_that_ends_says_so() -> None:
    class Waiting(LocalPool):
        async def ask(self, body: bytes, is_gone: object = None) -> bytes:  # noqa: ARG002  # as above
            await asyncio.Event().wait()
            return b""

    app = FastAPI()
    app.include_router(predict_routes(lambda: Now(END_S, 0.0), 180.0, Waiting()))
    sent = list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body(3), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": [], "http_version": "1.1"}
    request = asyncio.create_task(app(scope, receive, send))
    await asyncio.sleep(0.05)
    request.cancel()
    await asyncio.wait([request])
    assert (sent[0]["status"], b"this server ends" in sent[1]["body"]) == (503, True)


def test_the_schema_describes_body_and_answer() -> None:
    operation: dict[str, Any] = create_app(View(180)).openapi()["paths"]["/predict"]["post"]
    candle = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["candles"]["items"]
    assert set(candle["required"]) == {"open_time_ms", "open", "high", "low", "close", "volume"}
    assert set(operation["responses"]) >= {"200", "422", "503"}
