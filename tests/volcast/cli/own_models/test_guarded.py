from pathlib import Path

import pytest

from tests.volcast.cli.own_models.written import CONTRACT, REGRESSOR, forecasts, written
from volcast.cli.own_models.guarded import OwnModelError
from volcast.cli.own_models.load import register_model
from volcast.core.models import create_model

PREDICT, LEARN = "return self.mean", "self.mean += 0.02 * (y - self.mean)"
ESTIMATE, ROW = "return super().estimate(row)", "return super().row(market)"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (PREDICT, "return float('nan')", "{0}, line 8: Mine.predict_one returned nan, where a finite number is needed"),
        (PREDICT, "return -float('inf')", "{0}, line 8: Mine.predict_one returned -inf, where a finite number is needed"),
        (PREDICT, "pass", "{0}, line 8: Mine.predict_one returned None, where a number is needed"),
        (PREDICT, "return True", "{0}, line 8: Mine.predict_one returned True, where a number is needed"),
        (PREDICT, "return x['rv_30']", "{0}, line 9, in Mine.predict_one: KeyError: 'rv_30'"),
        (PREDICT, "raise ValueError('a\\nb')", "{0}, line 9, in Mine.predict_one: ValueError: a b"),
        (LEARN, "self.mean /= 0", "{0}, line 12, in Mine.learn_one: ZeroDivisionError: "),
    ],
)  # fmt: skip
def test_what_a_regressor_does_wrong_is_told_with_file_line_and_method(
    tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    path = written(tmp_path, REGRESSOR.replace(before, after))
    with pytest.raises(OwnModelError) as caught:
        forecasts(f"{path}:Mine")
    assert str(caught.value).startswith(sentence.format(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (ESTIMATE, "return Estimate(float('nan'), 0.2, 0.3, 0.7)", "line 10: Mine.estimate returned nan as log_median, where"),
        (ESTIMATE, "return Estimate(-7.0, 0.2, -0.3, 0.7)", "line 10: Mine.estimate returned -0.3 as scale, which must be"),
        (ESTIMATE, "return Estimate(-7.0, 0.2, 0.3, 0)", "line 10: Mine.estimate returned 0.0 as spread, which must be positive"),
        (ESTIMATE, "return 0.001", "line 10: Mine.estimate returned 0.001, where an Estimate is needed"),
        (ROW, "return super().row(market)[:3]", "line 13: Mine.row returned an array of float64 (3,), where an array of"),
        (ROW, "return list(super().row(market))", "line 13: Mine.row returned [np.float64(1.0)"),
        (ROW, "return super().row(market) * float('nan')", "line 13: Mine.row returned a number that is not finite, for one"),
        (ROW, "return market.no_such_thing", "line 14, in Mine.row: AttributeError: 'Market' object has no attribute"),
    ],
)  # fmt: skip
def test_what_a_model_by_the_contract_does_wrong_is_told(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    path = written(tmp_path, CONTRACT.replace(before, after))
    with pytest.raises(OwnModelError) as caught:
        forecasts(f"{path}:Mine")
    assert str(caught.value).startswith(f"{path}, {sentence}")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("[1]", "line 14: Mine.dump returned [1], where a dict is needed"),
        ("{'a': [self]}", "of type Mine; it may hold numbers, texts, bytes, lists and dicts with texts as keys"),
        ("{1: 2}", "line 14: Mine.dump returned a state with the key 1; it may hold"),
        ("{'a': 1 / 0}", "line 15, in Mine.dump: ZeroDivisionError"),
    ],
)
def test_a_state_that_no_snapshot_can_hold_is_refused(tmp_path: Path, state: str, sentence: str) -> None:
    path = written(tmp_path, REGRESSOR.replace('return {"mean": self.mean}', f"return {state}"))
    with pytest.raises(OwnModelError) as caught:
        create_model(register_model(f"{path}:Mine"), 60).dump()
    assert sentence in str(caught.value)


def test_a_state_that_does_not_fit_is_refused_as_that_of_any_model(tmp_path: Path) -> None:
    model = create_model(register_model(f"{written(tmp_path)}:Mine"), 60)
    for state in ({}, {"mean": "x"}, {"mean": None}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            model.load({**model.dump(), "regression": state})
    odd = written(tmp_path, REGRESSOR.replace('float(state["mean"])', "1 / 0"), "odd.py")
    broken = create_model(register_model(f"{odd}:Mine"), 60)
    with pytest.raises(OwnModelError, match=r"odd.py, line 18, in Mine.load: ZeroDivisionError"):
        broken.load(model.dump())


def test_a_model_changes_what_it_dumped_without_harm(tmp_path: Path) -> None:
    code = REGRESSOR.replace('return {"mean": self.mean}', 'self.all = getattr(self, "all", []) + [1]; return {"all": self.all}')
    model = create_model(register_model(f"{written(tmp_path, code)}:Mine"), 60)
    first = model.dump()
    model.dump()
    assert first["regression"] == {"all": [1]}
