"""GET /drift and GET /drift/{symbol}: which drift alarms are on, on what evidence, and the last ones that began or ended."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.responses import DriftAlarmResponse, SymbolStateResponse, alarm_response, iso8601, symbol_state
from api.statistics.drift_history import EVENTS_OF_A_SYMBOL, EVENTS_OF_ALL, DriftEvent
from api.status import Latest, Now
from api.symbols import UNKNOWN_SYMBOL, SymbolInPath, find_latest, unknown_symbol
from api.view import View
from volcast.core.drift.alarms import DriftAlarm, Tier
from volcast.core.types import MINUTE_MS, EngineConfig, Signal
from volcast.metrics.shared_body import SharedBody

_DEFAULTS = EngineConfig()


class AlarmCountsResponse(BaseModel):
    """How many drift alarms are on, by tier."""

    page: int = Field(description="Alarms on that ask for somebody now.")
    ticket: int = Field(description="Alarms on that ask for somebody within days.")
    info: int = Field(description="Alarms on that ask for nobody.")

    @classmethod
    def of(cls, signals: Sequence[Signal]) -> Self:
        """Count the alarms that are on after these signals."""
        counts = Counter(alarm.tier for signal in signals for alarm in signal.drift_alarms)
        return cls(page=counts[Tier.PAGE], ticket=counts[Tier.TICKET], info=counts[Tier.INFO])


class DriftEvidenceResponse(DriftAlarmResponse):
    """A drift alarm, its numbers at its beginning, and where to go from there."""

    runbook: str = Field(description="Section of the documentation: what it means, how to look, what to do.")
    replay: str = Field(
        description="Command that computes the alarm again, with the files of the symbol's candles in the place of FILES. It "
        "begins with the first candle whose signal the API has read; it needs the settings of the consumer."
    )


class DriftEventKind(StrEnum):
    """What happened to an alarm."""

    BEGAN = "began"
    ENDED = "ended"


class DriftEventResponse(BaseModel):
    """A drift alarm has begun, or it is over."""

    symbol: str = Field(description="The symbol.")
    event: DriftEventKind = Field(description="began or ended.")
    timestamp: str = Field(description="Start of the minute with which it began or ended, ISO 8601, UTC.")
    alarm: DriftEvidenceResponse = Field(description="The alarm, with its numbers at its beginning.")


class DriftStateResponse(SymbolStateResponse):
    """The drift alarms of a symbol that are on after its latest signal."""

    data_drift_ratio: float = Field(description="Share of the monitored inputs of the forecast that drift now, 0 to 1.")
    alarms_on: AlarmCountsResponse = Field(description="How many alarms are on, by tier.")
    alarms: list[DriftEvidenceResponse] = Field(description="The alarms that are on.")


class SymbolDriftResponse(DriftStateResponse):
    """The drift alarms of a symbol that are on, and its last events."""

    events_since: str = Field(
        description="Start of the first minute whose signal the API has read, ISO 8601, UTC: it knows no event before."
    )
    events: list[DriftEventResponse] = Field(
        description=f"The last alarms that began or ended, the newest first, at most {EVENTS_OF_A_SYMBOL}."
    )


class DriftResponse(BaseModel):
    """The drift alarms of all symbols."""

    alarms_on: AlarmCountsResponse = Field(description="How many alarms are on, by tier, of all symbols.")
    events: list[DriftEventResponse] = Field(
        description=f"The last alarms of all symbols that began or ended, the newest first, at most {EVENTS_OF_ALL}."
    )
    symbols: dict[str, DriftStateResponse] = Field(description="The state of each symbol.")


def drift_routes(view: View, now: Callable[[], Now]) -> APIRouter:
    """Return the routes over `view`; `now` reads its two clocks."""
    router = APIRouter()
    all_drift = SharedBody(lambda: _drift_of_all(view, now()), "application/json")

    @router.get("/drift", summary="Drift alarms of every symbol", response_model=DriftResponse)
    async def drift_of_all() -> Response:
        """Return the drift alarms that are on, by symbol, and the last events of all symbols."""
        return await all_drift.response()

    @router.get(
        "/drift/{symbol}",
        summary="Drift alarms of one symbol",
        response_model=SymbolDriftResponse,
        responses=UNKNOWN_SYMBOL,
    )
    async def drift_of_one(
        symbol: SymbolInPath,
    ) -> SymbolDriftResponse | Response:
        """Return the drift alarms of a symbol that are on, and its last events, each with the evidence."""
        latest = find_latest(view, symbol)
        if latest is None:
            return unknown_symbol(view, symbol)
        name = latest.signal.symbol
        events = [_event_response(each, view) for each in view.drift.events(name)]
        state = _state(latest, view, now())
        return SymbolDriftResponse(**dict(state), events_since=iso8601(view.drift.first_ms(name)), events=events)

    return router


def _drift_of_all(view: View, now: Now) -> Iterator[bytes]:
    """Yield a DriftResponse as JSON, symbol by symbol."""
    latests = [latest for symbol in view.symbols if (latest := view.get(symbol))]
    counts = AlarmCountsResponse.of([latest.signal for latest in latests])
    yield f'{{"alarms_on":{counts.model_dump_json()},"events":['.encode()
    for number, event in enumerate(view.drift.events()):
        yield f"{',' if number else ''}{_event_response(event, view).model_dump_json()}".encode()
    yield b'],"symbols":{'
    for number, latest in enumerate(latests):
        name = json.dumps(latest.signal.symbol)
        yield f"{',' if number else ''}{name}:{_state(latest, view, now).model_dump_json()}".encode()
    yield b"}}"


def _state(latest: Latest, view: View, now: Now) -> DriftStateResponse:
    signal = latest.signal
    replay = _replay_command(view, signal, signal.open_time_ms)
    return DriftStateResponse(
        **symbol_state(latest, view, now),
        data_drift_ratio=signal.data_drift_ratio,
        alarms_on=AlarmCountsResponse.of([signal]),
        alarms=[_evidence(each, replay) for each in signal.drift_alarms],
    )


def _event_response(event: DriftEvent, view: View) -> DriftEventResponse:
    return DriftEventResponse(
        symbol=event.symbol,
        event=DriftEventKind.ENDED if event.is_over else DriftEventKind.BEGAN,
        timestamp=iso8601(event.open_time_ms),
        alarm=_evidence(event.alarm, _replay_command(view, event, event.open_time_ms)),
    )


def _evidence(alarm: DriftAlarm, replay: str) -> DriftEvidenceResponse:
    runbook = f"docs/runbook.md#{alarm.detector.replace('_', '')}"
    return DriftEvidenceResponse(**dict(alarm_response(alarm)), runbook=runbook, replay=replay)


def _replay_command(view: View, made_for: Signal | DriftEvent, last_ms: int) -> str:
    """Return the command up to the candle that opened at `last_ms`. It begins with the first: alarms depend on all candles."""
    symbol, first_ms = made_for.symbol, view.drift.first_ms(made_for.symbol)
    command = f"volcast drift report FILES --symbol {symbol} --from {iso8601(first_ms)} --to {iso8601(last_ms + MINUTE_MS)}"
    if made_for.horizon_minutes != _DEFAULTS.horizons[0]:
        command += f" --horizons {made_for.horizon_minutes}"
    if made_for.interval_level != _DEFAULTS.interval_level:
        command += f" --interval-level {made_for.interval_level}"
    return command
