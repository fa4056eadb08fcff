"""The sections of the report, each a function of a comparison.

`sections_of` gives them in the order of the page: forecasts and outcomes beside each other (`volatility.py`), how good forecasts
are (`accuracy.py`, `hours.py`), their intervals (`calibration.py`) and whole distributions (`distribution.py`, `touch.py`), what
they are worth (`storms.py`, `tail_risk.py`, `sizing.py`), and what all of it was made from (`data.py`). `summary.py` has the
numbers at the top.
"""

from volcast.backtest.comparison import Comparison
from volcast.backtest.report.parts import Section

from . import accuracy, calibration, data, distribution, hours, sizing, storms, tail_risk, touch, volatility

_SECTIONS = (
    volatility.volatility_section,
    accuracy.accuracy_section,
    calibration.calibration_section,
    distribution.distribution_section,
    touch.touch_section,
    hours.hours_section,
    storms.storms_section,
    tail_risk.tail_risk_section,
    sizing.sizing_section,
    data.data_section,
)


def sections_of(comparison: Comparison) -> list[Section]:
    """Return the sections that have something to show."""
    found = [section(comparison) for section in _SECTIONS]
    return [section for section in found if section.parts]
