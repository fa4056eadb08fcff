"""What `volcast models` says, as objects for JSON; text.py words the same for people. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from api.responses import iso8601
from volcast.lifecycle.promotion.losses import ComparedLosses
from volcast.lifecycle.promotion.promote import Promoted
from volcast.lifecycle.promotion.readiness import LogModels, SymbolModels
from volcast.lifecycle.promotion.record import PromotionRecord
from volcast.lifecycle.promotion.trail import Markers, Trail
from volcast.lifecycle.promotion.waiting import Shown, idle_symbols
from volcast.lifecycle.wording import with_noun

_Object = dict[str, Any]


def listed(models: LogModels, trail: Trail, configured: str, problems: Sequence[str], markers: Markers | None) -> _Object:
    """Return all that `volcast models list` says; `markers` are None if they were not looked at."""
    names = sorted({each for one in models.symbols.values() for each in (one.leader, *one.challengers)})
    return {
        "setting_model": configured,
        "models": [_model(name, models) for name in names],
        "promotions": [promotion_object(each, trail, None, models) for each in trail.records],
        "head": trail.head or None,
        "verified": None if markers is None else not problems,
        "markers": None if markers is None else sum(len(ids) for ids in markers.found.values()),
        "problems": list(problems),
    }


def promotion_object(
    record: PromotionRecord, trail: Trail, markers: Mapping[int, int] | None, models: LogModels | None = None
) -> _Object:
    """Return a promotion for JSON; times as ISO 8601."""
    found: _Object = msgspec.to_builtins(record)
    found["from"], found["when"] = iso8601(found.pop("from_ms")), iso8601(found.pop("when_ms"))
    found["sha256"] = next(each.sha256 for each in trail.entries if each.record == record)
    if models is not None:
        found["state"] = _state(record, trail, models)
    elif record.id in trail.taken_back:
        found["state"] = "taken back"
    if markers is not None:
        found["markers"] = {str(partition): offset for partition, offset in markers.items()}
    return found


def symbol_objects(models: LogModels, trail: Trail, model: str | None) -> list[_Object]:
    """Return each symbol with its leader and challengers; with a model, only the symbols that have it."""
    return [
        {
            "symbol": each.symbol,
            "leader": each.leader,
            "since": _since(each, trail),
            "last_candle": iso8601(each.open_time_ms),
            "outcomes": each.outcomes,
            "challengers": {
                name: {"outcomes": outcomes, "warm": outcomes >= each.needed()} for name, outcomes in each.challengers.items()
            },
        }
        for each in models.symbols.values()
        if model is None or model in (each.leader, *each.challengers)
    ]


def difference_object(first: str, second: str, compared: ComparedLosses) -> _Object:
    """Return the comparison of two models for JSON."""
    ratio = compared.first / compared.second if compared.first is not None and compared.second else None
    return {
        "first": first,
        "second": second,
        "outcomes": compared.outcomes,
        "days": compared.days,
        "qlike_first": compared.first,
        "qlike_second": compared.second,
        "qlike_ratio": ratio,
        "dm": compared.dm,
        "p_first_better": compared.p_first_better,
        "symbols": {
            name: {"outcomes": count, "qlike_first": one, "qlike_second": other}
            for name, (count, one, other) in compared.symbols.items()
        },
    }


def promoted_object(promoted: Promoted, shown: Shown | None) -> _Object:
    """Return what was written, and what became of it, for JSON."""
    record, found = promoted.record, msgspec.to_builtins(promoted.record)
    found["from"], found["when"] = iso8601(found.pop("from_ms")), iso8601(found.pop("when_ms"))
    idle = shown.idle if shown else idle_symbols(promoted)
    written: _Object = found | {
        "markers": {str(partition): offset for partition, offset in promoted.markers.items()},
        "switching": len(promoted.readiness.ready),
        "leading": len(promoted.readiness.leading),
        "cold": {symbol: {"outcomes": own, "needed": needed} for symbol, own, needed in promoted.readiness.cold},
        "late": {symbol: iso8601(opened) for symbol, opened in promoted.late.items()},
        "idle": list(idle),
        "without_signal": [each for each in promoted.models.silent if record.marker.concerns(each)],
        "switched": None if shown is None else {symbol: iso8601(opened) for symbol, opened in shown.switched.items()},
        "not_shown": None if shown is None else list(shown.waiting),
        "named_candle_kept": None
        if shown is None
        else all(opened == record.from_ms for opened in shown.switched.values()) and not shown.waiting,
        "trail_problems": list(promoted.trail.problems),
    }
    return written


def _model(name: str, models: LogModels) -> _Object:
    leads = [each for each in models.symbols.values() if each.leader == name]
    challenges = [each for each in models.symbols.values() if name in each.challengers]
    outcomes = [*(each.outcomes for each in leads), *(each.challengers[name] for each in challenges)]
    return {
        "model": name,
        "leads": len(leads),
        "challenges": len(challenges),
        "cold": sum(each.challengers[name] < each.needed() for each in challenges),
        "outcomes": [min(outcomes), max(outcomes)],
    }


def _state(record: PromotionRecord, trail: Trail, models: LogModels) -> str:
    """Return what has become of a promotion, by the signals and by the records after it."""
    if record.id in trail.taken_back:
        return "taken back"
    later = [each for each in trail.records if each.id > record.id]
    concerned = [
        each
        for each in models.symbols.values()
        if record.marker.concerns(each.symbol)
        and not any(one.marker.concerns(each.symbol) and one.from_ms <= max(record.from_ms, each.open_time_ms) for one in later)
    ]
    if not concerned:
        return "replaced"
    leading = sum(each.leader == record.model and each.open_time_ms >= record.from_ms for each in concerned)
    if leading == len(concerned):
        return "leads"
    return f"leads {leading} of {with_noun(len(concerned), 'symbol')}" if leading else _why_not(record, concerned)


def _why_not(record: PromotionRecord, concerned: Sequence[SymbolModels]) -> str:
    """Return why a model leads none of the symbols that it is to lead."""
    known = [each for each in concerned if record.model in (each.leader, *each.challengers)]
    if not known:
        return "no model of these symbols"
    reached = [each for each in known if each.open_time_ms >= record.from_ms]
    if not reached:
        return "waits for its candle"
    is_cold = all(each.challengers.get(record.model, each.outcomes) < each.needed() for each in reached)
    return "waits until it is warm" if is_cold else "not followed yet"


def _since(each: SymbolModels, trail: Trail) -> _Object | None:
    """Return since which promotion a symbol's leader leads; None since the beginning of the log."""
    due = [one for one in trail.records if one.marker.concerns(each.symbol) and one.from_ms <= each.open_time_ms]
    own = next((one for one in reversed(due) if one.model == each.leader), None)
    return {"promotion": own.id, "from": iso8601(own.from_ms)} if own else None
