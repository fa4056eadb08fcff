"""Writes a promotion: judges it, appends record and markers in one transaction, and looks whether they came in time.

open the appender `models`, which fences another promotion in progress
read the trail, and what leads now            refuse, or go on
append the record and the markers             Fenced: somebody else promotes; no response: read whether it was written
read the candles between what was answered before and the markers
a candle that the switch was meant for may have come before it
"""

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from volcast.core.codec import MAX_RECORD_BYTES, PROMOTION_KEY, encode_promotion
from volcast.core.forecast.promotion import MAX_PROMOTED_SYMBOLS
from volcast.core.types import MINUTE_MS
from volcast.lifecycle.wording import with_noun
from volcast.log.contract import Appender, Fenced, KeyValue, Log, Unavailable

from .evidence import objection_of
from .readiness import LeadReadiness, LogModels, candles_between, next_named_candle, open_time_of, read_log_models, readiness_of
from .record import (
    MAX_WHO_CHARACTERS,
    MAX_WHY_CHARACTERS,
    PreviousLead,
    PromotionEvidence,
    PromotionKind,
    PromotionRecord,
    encode_promotion_record,
)
from .trail import Trail, read_trail

_APPENDER = "models"
MAX_VALUE_BYTES = 900_000
"""Of a record: less than a batch of Kafka may have."""
_NAMED = 5
_OVERTAKEN = "another promotion has begun meanwhile; this one was not written: see `volcast models list`, and start anew"


class RefusedPromotionError(Exception):
    """A promotion that was not written; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRequest:
    """What is asked for."""

    model: str
    who: str
    why: str
    at_ms: int | None = None
    """The named candle; None for the next one that all symbols can reach."""
    not_before_ms: int = 0
    """The named candle is at this one or later, if `at_ms` is None."""
    symbols: tuple[str, ...] = ()
    """All if it is empty."""
    evidence: PromotionEvidence | None = None
    when_warm: bool = False
    """Whether symbols for which the model is cold are to switch as soon as it is warm."""
    kind: PromotionKind = PromotionKind.PROMOTE
    of: str | None = None


class Promoted(NamedTuple):
    """A promotion that was written."""

    record: PromotionRecord
    markers: Mapping[int, int]
    """Offset of the marker in each partition of `candles`."""
    readiness: LeadReadiness
    late: Mapping[str, int]
    """By symbol: the opening of its last candle at or after the named one that came before the marker."""
    models: LogModels
    """What the log said before."""
    trail: Trail
    """The one before."""


async def promote(log: Log, request: PromotionRequest, now_ms: Callable[[], int], *, dry_run: bool = False) -> Promoted:
    """Write the promotion; if `dry_run`, only judge it.

    Raises RefusedPromotionError, Fenced if another promotion began meanwhile, Unavailable.
    """
    if dry_run:
        return await _judged(log, request, now_ms())
    try:
        async with log.appender(_APPENDER) as appender:
            judged = await _judged(log, request, now_ms())
            try:
                markers = await _write(appender, judged.record)
            except Unavailable:
                markers = None
        if markers is None:
            markers = await _write_unless_written(log, judged)
    except Fenced as error:
        raise Fenced(_OVERTAKEN) from error
    return judged._replace(markers=markers, late=await _late(log, judged, markers))


def promotion_of(
    request: PromotionRequest, models: LogModels, trail: Trail, now_ms: int
) -> tuple[PromotionRecord, LeadReadiness]:
    """Return the record to write, or raise RefusedPromotionError. Pure."""
    _check_words(request)
    if not models.symbols:
        raise RefusedPromotionError("the log has no signals yet: the setting model says which model leads in a new log")
    if unknown := [each for each in request.symbols if each not in models.symbols]:
        raise RefusedPromotionError(f"no signal of {_list(unknown)}: symbols with one: {_list(sorted(models.symbols))}")
    found = readiness_of(models, request.model, request.symbols)
    _check_readiness(request, found)
    _check_plans(request, found, trail)
    leaders = {models.symbols[each].leader for each in (*found.ready, *(cold[0] for cold in found.cold))}
    if objection := objection_of(request.evidence, request.model, leaders, is_explained=bool(request.why)):
        raise RefusedPromotionError(objection)
    return _record(request, models, trail, now_ms), found


def _record(request: PromotionRequest, models: LogModels, trail: Trail, now_ms: int) -> PromotionRecord:
    from_ms = _named_candle(request, models)
    record = PromotionRecord(
        id=trail.next_id,
        kind=request.kind,
        of=request.of,
        model=request.model,
        from_ms=from_ms,
        symbols=request.symbols,
        previous=_previous(models, trail, request.symbols, from_ms),
        who=request.who,
        when_ms=now_ms,
        why=request.why,
        evidence=request.evidence,
        before=trail.head,
    )
    if len(request.symbols) > MAX_PROMOTED_SYMBOLS:
        text = f"{len(request.symbols)} symbols are named; one promotion takes at most {MAX_PROMOTED_SYMBOLS}"
        raise RefusedPromotionError(f"{text}: promote all, or some at a time")
    if len(encode_promotion(record.marker)) > MAX_RECORD_BYTES or len(encode_promotion_record(record)) > MAX_VALUE_BYTES:
        raise RefusedPromotionError("it is too large for one record: shorten --why, or promote some symbols at a time")
    return record


def _check_words(request: PromotionRequest) -> None:
    for name, text, limit in (("who", request.who, MAX_WHO_CHARACTERS), ("why", request.why, MAX_WHY_CHARACTERS)):
        if len(text) > limit:
            raise RefusedPromotionError(f"--{name} has {len(text)} characters; at most {limit} are kept")
    if not request.who.strip():
        raise RefusedPromotionError("nobody is named: say with --who who promotes")
    if request.evidence is None and not request.why.strip():
        raise RefusedPromotionError(f"say why {request.model} is to lead: --evidence comparison.json, or --why TEXT")


def _check_readiness(request: PromotionRequest, found: LeadReadiness) -> None:
    model = request.model
    if found.strange:
        names = _list(found.strange)
        raise RefusedPromotionError(f"{model} is no challenger of {names}: name it in the setting shadows, wait until it is warm")
    if found.cold and not request.when_warm:
        cold = [f"{symbol} ({outcomes} of {with_noun(needed, 'outcome')})" for symbol, outcomes, needed in found.cold]
        text = f"{model} is not warm for {_list(cold)}: wait, choose others with --symbols, or send it all the same with"
        raise RefusedPromotionError(f"{text} --when-warm, so that these symbols switch once it is warm")


def _check_plans(request: PromotionRequest, found: LeadReadiness, trail: Trail) -> None:
    """Raise RefusedPromotionError if the promotion would change nothing, by what leads and by the promotions that wait."""
    model, others = request.model, [*found.ready, *(each[0] for each in found.cold)]
    planned = trail.planned_leaders((*found.leading, *others))
    if any(planned.get(each, model) != model for each in found.leading):
        return  # it leads, but another one is to follow
    if not others:
        raise RefusedPromotionError(f"{model} leads already, for {_list(found.leading)}")
    if request.at_ms is None and all(planned.get(each) == model for each in others):
        last = next(each for each in reversed(trail.records) if each.model == model)
        text = f"{model} is to lead by promotion {last.id} already, from its named candle on"
        raise RefusedPromotionError(f"{text}: wait, or name another candle with --at")


def _named_candle(request: PromotionRequest, models: LogModels) -> int:
    """Return the opening of the named candle. Raises RefusedPromotionError for one that cannot be kept."""
    if request.at_ms is None:
        return max(next_named_candle(models), request.not_before_ms)
    if request.at_ms % MINUTE_MS:
        raise RefusedPromotionError("the named candle is a whole minute")
    concerned = request.symbols or models.symbols
    latest = {each: max(models.symbols[each].open_time_ms, models.unanswered.get(each, 0)) for each in concerned}
    symbol = max(latest, key=latest.__getitem__)
    if request.at_ms <= latest[symbol]:
        minutes = (latest[symbol] - request.at_ms) // MINUTE_MS
        what = f"a candle {minutes} min before the last one of {symbol}" if minutes else f"the last candle of {symbol}"
        raise RefusedPromotionError(f"--at names {what}: name a later one, or none for the next that all symbols can reach")
    return request.at_ms


def _previous(models: LogModels, trail: Trail, symbols: tuple[str, ...], from_ms: int) -> tuple[PreviousLead, ...]:
    """Return who leads just before a candle, also by a promotion that still waits for its own.

    The model of most symbols comes first; for a promotion of all symbols it stands for all others.
    """
    led: dict[str, list[str]] = {}
    for name in symbols or sorted(models.symbols):
        now, deciding = models.symbols[name], trail.deciding((name,), from_ms)
        leader = deciding.model if deciding and deciding.from_ms > now.open_time_ms else now.leader
        led.setdefault(leader, []).append(name)
    ordered = sorted(led.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        PreviousLead(model, () if index == 0 and not symbols else tuple(names)) for index, (model, names) in enumerate(ordered)
    )


async def _judged(log: Log, request: PromotionRequest, now_ms: int) -> Promoted:
    trail = await read_trail(log)
    models = await read_log_models(log, now_ms)
    record, found = promotion_of(request, models, trail, now_ms)
    return Promoted(record, {}, found, {}, models, trail)


async def _write(appender: Appender, record: PromotionRecord) -> Mapping[int, int]:
    marker = KeyValue(PROMOTION_KEY, encode_promotion(record.marker))
    return await appender.promote(KeyValue(record.id.encode(), encode_promotion_record(record)), marker)


async def _write_unless_written(log: Log, judged: Promoted) -> Mapping[int, int]:
    """After a write without a response: find the markers, or write again if they are not there."""
    record = judged.record
    try:
        async with log.appender(_APPENDER) as appender:  # ends what is left of the first write
            trail = await read_trail(log)
            if trail.find(record.id) != record:
                if trail.head != record.before:
                    raise Fenced(_OVERTAKEN)
                return await _write(appender, record)
    except Unavailable as error:
        text = f"{error}; whether promotion {record.id} was written is not known: once the log answers,"
        raise Unavailable(f"{text} `volcast models list` shows it") from error
    own = encode_promotion(record.marker)
    async with aclosing(candles_between(log, judged.models.positions)) as records:
        return {each.partition: each.offset async for each in records if each.key == PROMOTION_KEY and each.value == own}


async def _late(log: Log, judged: Promoted, markers: Mapping[int, int]) -> dict[str, int]:
    """Return the concerned symbols with a candle at or after the named one before the marker, and its opening."""
    late: dict[str, int] = {}
    concerned = set(judged.record.symbols)
    async with aclosing(candles_between(log, judged.models.positions, markers)) as records:
        async for record in records:
            opened = open_time_of(record)
            if opened and opened[1] >= judged.record.from_ms and (not concerned or opened[0] in concerned):
                late[opened[0]] = max(opened[1], late.get(opened[0], 0))
    return dict(sorted(late.items()))


def _list(names: "list[str] | tuple[str, ...]") -> str:
    """Return some of the names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
