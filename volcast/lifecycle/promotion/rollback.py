"""The way back: which promotions a rollback has to write, so that those who led before lead again. Pure.

A rollback is a promotion like any other. The former champions have gone on as challengers, so they are warm.
"""

from volcast.core.forecast.promotion import MAX_PROMOTED_SYMBOLS

from .promote import PromotionRequest, RefusedPromotionError
from .record import PromotionKind, PromotionRecord
from .trail import Trail


def plan_rollback(trail: Trail, promotion: str | None, *, who: str, why: str, at_ms: int | None) -> list[PromotionRequest]:
    """Return what to write, in this order, to take a promotion back: the last one that was not taken back, unless an id is given.

    It is one request for each model that led before, or more if it led many. Raises RefusedPromotionError.
    """
    taken_back = trail.taken_back
    standing = [each for each in trail.records if each.kind is PromotionKind.PROMOTE and each.id not in taken_back]
    record = standing[-1] if promotion is None and standing else trail.find(promotion or "")
    if record is None:
        what = "no promotion that could be taken back" if promotion is None else f"no promotion {promotion:.60}"
        raise RefusedPromotionError(f"the trail has {what}: see `volcast models list`")
    if record.kind is PromotionKind.ROLLBACK:
        raise RefusedPromotionError(f"{record.id} is a rollback itself: promote the model that is to lead")
    if record.id in taken_back:
        raise RefusedPromotionError(f"{record.id} was taken back already: see `volcast models list`")
    if later := [each.id for each in standing if each.id > record.id and _overlap(each, record)]:
        raise RefusedPromotionError(f"{', '.join(later)} came after {record.id}, for the same symbols: take that back first")
    return [
        PromotionRequest(
            model=each.model,
            who=who,
            why=why or f"rollback of {record.id}",
            at_ms=at_ms,
            not_before_ms=_not_before(trail, record, each.model, symbols),
            symbols=symbols,
            when_warm=True,
            kind=PromotionKind.ROLLBACK,
            of=record.id,
        )
        for each in sorted(record.previous, key=lambda each: bool(each.symbols))
        for symbols in _parts(each.symbols)
    ]


def _not_before(trail: Trail, record: PromotionRecord, model: str, symbols: tuple[str, ...]) -> int:
    """Return the named candle of the promotion by which the model led before; it may not have come yet."""
    deciding = trail.deciding(symbols, record.from_ms, record.id)
    return deciding.from_ms if deciding and deciding.model == model else 0


def _parts(symbols: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the symbols in parts of as many as one promotion takes; all symbols (an empty tuple) are one part."""
    starts = range(0, max(len(symbols), 1), MAX_PROMOTED_SYMBOLS)
    return [symbols[start : start + MAX_PROMOTED_SYMBOLS] for start in starts]


def _overlap(one: PromotionRecord, other: PromotionRecord) -> bool:
    return not one.symbols or not other.symbols or bool(set(one.symbols) & set(other.symbols))
