"""The language of thresholds: `[SYMBOL] FIELD [/ FIELD] OPERATOR NUMBER[%]`. Pure; a rule is parsed once, at the start.

    BTCUSDT volatility_annualized > 0.9        volatility / usual > 2        price_range > 1%        BTCUSDT close < 60000

Every field has a unit. A quotient needs two fields of one unit. Without a symbol a rule applies to each symbol of the run.
"""

import difflib
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from math import isfinite
from typing import NamedTuple

from api.stream.usual import UsualLevels
from volcast.core.types import Signal


class RuleError(Exception):
    """A rule that cannot be used: one sentence for the user."""


class Unit(StrEnum):
    """Units of fields."""

    PRICE = "a price"
    RETURN = "a volatility of the horizon"
    ANNUAL = "a volatility per year"
    SHARE = "a share from 0 to 1"
    RATIO = "a ratio"


RULE_FIELDS: Mapping[str, tuple[Unit, str]] = {
    "volatility": (Unit.RETURN, "forecast of the volatility of the next H minutes"),
    "volatility_median": (Unit.RETURN, "median of that forecast"),
    "volatility_lower": (Unit.RETURN, "its lower bound"),
    "volatility_upper": (Unit.RETURN, "its upper bound"),
    "usual": (Unit.RETURN, "the usual volatility at this time of day and week, by the last 14 days"),
    "volatility_annualized": (Unit.ANNUAL, "the forecast per year"),
    "volatility_annualized_deseasonalized": (Unit.ANNUAL, "the same without the effect of the time of day and week"),
    "price_range": (Unit.RATIO, "(price_upper - price_lower) / close"),
    "close": (Unit.PRICE, "close of the last candle"),
    "rolling_mean": (Unit.PRICE, "mean of the last W closes"),
    "price_lower": (Unit.PRICE, "lower bound of the close after H minutes"),
    "price_upper": (Unit.PRICE, "upper bound of the close after H minutes"),
    "noise_ratio": (Unit.RATIO, "volatility by one-minute over that by five-minute returns; 0 while unknown"),
    "signal_rate_window": (Unit.SHARE, "share of signals that are 1 of late"),
    "missing_share": (Unit.SHARE, "share of the last day's minutes without a candle"),
}
"""What a rule can compare: its unit, and what it is. docs/notifications.md has the table."""
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_FORM = re.compile(
    r"(?:(?P<symbol>[A-Za-z0-9]+(?:\.[A-Za-z0-9]+)?)\s+)?(?P<field>[A-Za-z_]+)\s*(?:/\s*(?P<divisor>[A-Za-z_]+)\s*)?"
    r"(?P<operator>>=|<=|>|<)\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<percent>%?)"
)
_LARGEST_PLAIN = 10.0
"""A larger volatility without a percent sign is a mistake: 10 are 1000 %."""


class Reading(NamedTuple):
    """The value of a rule's left side now, and whether the rule holds."""

    value: float
    holds: bool


class Rule(NamedTuple):
    """A threshold. `symbols` are those of the run that it applies to."""

    text: str
    symbols: tuple[str, ...]
    field: str
    divisor: str
    operator: str
    threshold: float
    percent: bool

    def read(self, signal: Signal, levels: UsualLevels) -> Reading | None:
        """Return the reading of a signal; None if a field is not known yet."""
        value = _value(self.field, signal, levels)
        if value is not None and self.divisor:
            divisor = _value(self.divisor, signal, levels)
            value = value / divisor if divisor else None
        if value is None or not isfinite(value):
            return None
        return Reading(value, _OPERATORS[self.operator](value, self.threshold))

    @property
    def condition(self) -> str:
        """The rule without its symbol, as in `volatility / usual > 2`."""
        left = f"{self.field} / {self.divisor}" if self.divisor else self.field
        return f"{left} {self.operator} {self.shown(self.threshold)}"

    @property
    def uses_usual(self) -> bool:
        """Whether the rule needs the signals of the last two weeks."""
        return "usual" in {self.field, self.divisor}

    def shown(self, value: float) -> str:
        """Return a value of the left side as text, in the unit in which the rule was written."""
        return f"{100 * value:.6g}%" if self.percent else f"{value:.8g}"


def parse_rule(text: str, symbols: Sequence[str]) -> Rule:
    """Parse a rule for a run of these symbols, as they are called on the log. Raises RuleError."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise RuleError(
            f"--alert {text!r} is not [SYMBOL] FIELD [/ FIELD] > NUMBER[%], as in 'BTCUSDT volatility_annualized > 90%'; "
            "the comparisons are >, >=, < and <="
        )
    field, divisor, percent = found["field"].lower(), (found["divisor"] or "").lower(), bool(found["percent"])
    for name in filter(None, (field, divisor)):
        if name not in RULE_FIELDS:
            raise RuleError(f"--alert {text!r}: there is no field {name!r}; {_nearest(name, RULE_FIELDS, 'fields')}")
    threshold = float(found["number"]) / (100 if percent else 1)
    if not isfinite(threshold):
        raise RuleError(f"--alert {text!r}: {found['number']} is too large a number; no {field} ever comes near it")
    chosen = _chosen(text, found["symbol"], symbols)
    rule = Rule(text.strip(), chosen, field, divisor, found["operator"], threshold, percent)
    if problem := _unit_problem(rule):
        raise RuleError(f"--alert {text!r}: {problem}")
    return rule


def _chosen(text: str, symbol: str | None, symbols: Sequence[str]) -> tuple[str, ...]:
    if symbol is None:
        return tuple(symbols)
    name = symbol.upper()
    chosen = tuple(each for each in symbols if name in {each, each.partition(".")[0]})
    if not chosen:
        raise RuleError(f"--alert {text!r}: {symbol} is not in this run; {_nearest(name, symbols, 'symbols')}")
    return chosen


def _unit_problem(rule: Rule) -> str:
    """Return what is wrong with the units of a rule, and what to write instead; nothing if they are right."""
    unit, number = RULE_FIELDS[rule.field][0], rule.threshold
    if rule.divisor:
        other = RULE_FIELDS[rule.divisor][0]
        if rule.field == rule.divisor:
            return f"{rule.field} / {rule.field} is always 1; divide by another field, as in volatility / usual"
        if unit != other:
            fitting = (
                ", ".join(name for name, (each, _) in RULE_FIELDS.items() if each is unit and name != rule.field) or "no field"
            )
            return f"{rule.field} is {unit}, {rule.divisor} is {other}: divide by one of the same unit ({fitting})"
        unit = Unit.RATIO
    is_relative = unit in {Unit.RETURN, Unit.ANNUAL} or (rule.field == "price_range" and not rule.divisor)
    mistakes = {
        f"{rule.field} is never below 0; give a threshold above 0": not number > 0 and not (number == 0 and unit is Unit.SHARE),
        f"{rule.field} is a price, not a percentage; write a price, or price_range > 1%": unit is Unit.PRICE and rule.percent,
        f"{rule.field} is a price, and this run has several symbols; name one, as in '{rule.symbols[0]} {rule.condition}'": (
            unit is Unit.PRICE and len(rule.symbols) > 1
        ),
        f"{rule.field} is a share from 0 to 1; write {number:g}% if you mean that": unit is Unit.SHARE and number > 1,
        f"{number:g} would be {100 * number:g} %; write {number:g}%": (
            is_relative and not rule.percent and number >= _LARGEST_PLAIN
        ),
    }
    return next((sentence for sentence, is_made in mistakes.items() if is_made), "")


def _value(field: str, signal: Signal, levels: UsualLevels) -> float | None:
    if field == "usual":
        return levels.usual(signal)
    if field == "price_range":
        return (signal.price_upper - signal.price_lower) / signal.close if signal.close else None
    value = getattr(signal, field)
    if value is None or (field == "noise_ratio" and not value):
        return None
    return float(value)


def _nearest(name: str, known: Mapping[str, object] | Sequence[str], what: str) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"the {what} are {', '.join(known)}"
