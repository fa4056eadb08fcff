"""The types of the client have every field of the API, and take those that a newer one adds."""

from collections.abc import Iterable

import msgspec
import pytest
from pydantic import BaseModel

from api.responses import DriftAlarmResponse, HorizonResponse, LatestResponse, OutcomeResponse, QuantilesResponse, ShadowResponse
from api.routes.drift import AlarmCountsResponse, DriftEventResponse, DriftEvidenceResponse, SymbolDriftResponse
from api.routes.probability import ProbabilityResponse
from api.routes.symbols import SymbolResponse
from api.stream import row
from volcast.client import answers, rows

MODELS: list[tuple[type[BaseModel], type[msgspec.Struct], set[str]]] = [
    (LatestResponse, answers.LatestForecast, {"horizon_over"}),
    (HorizonResponse, answers.OtherHorizon, {"horizon_over"}),
    (OutcomeResponse, answers.ForecastOutcome, set()),
    (QuantilesResponse, answers.ForecastQuantiles, set()),
    (ShadowResponse, answers.Challenger, set()),
    (DriftAlarmResponse, answers.AlarmOn, set()),
    (DriftEvidenceResponse, answers.AlarmOn, set()),
    (SymbolDriftResponse, answers.DriftAlarms, set()),
    (DriftEventResponse, answers.AlarmEvent, set()),
    (AlarmCountsResponse, answers.AlarmCounts, set()),
    (SymbolResponse, answers.SymbolSummary, {"horizon_over", "closes"}),
    (ProbabilityResponse, answers.PriceProbability, {"horizon_over"}),
]
"""The fields that are left out: `horizon_over` is true for a moment only, and `seconds_left` is always right; `closes` is not
asked for."""


def unknown(names: Iterable[str], ours: type[msgspec.Struct], left_out: set[str]) -> set[str]:
    return set(names) - set(ours.__struct_fields__) - left_out


@pytest.mark.parametrize(("theirs", "ours", "left_out"), MODELS)
def test_each_field_of_the_api_is_known(theirs: type[BaseModel], ours: type[msgspec.Struct], left_out: set[str]) -> None:
    assert unknown(theirs.model_fields, ours, left_out) == set()


def test_each_field_of_a_row_is_known() -> None:
    assert unknown(row.Row.__struct_fields__, rows.ForecastRow, set()) == set()
    assert unknown(row.RowOutcome.__struct_fields__, rows.RowResult, set()) == set()
    assert unknown(row.RowHorizon.__struct_fields__, rows.RowHorizonForecast, set()) == set()
    assert unknown(row.RowShadow.__struct_fields__, rows.RowChallenger, set()) == set()
    assert unknown(row.RowAlarm.__struct_fields__, rows.AlarmMark, set()) == set()


def test_a_field_that_is_not_known_is_ignored() -> None:
    counts = msgspec.json.decode(b'{"page": 1, "ticket": 2, "info": 3, "new": {}}', type=answers.AlarmCounts)
    assert counts == answers.AlarmCounts(1, 2, 3)
