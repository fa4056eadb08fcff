from pathlib import Path

import pytest

from tests.volcast.cli.own_models.written import CONTRACT, REGRESSOR, written
from volcast.cli.own_models.guarded import OwnModelError
from volcast.cli.own_models.load import OwnModel, own_model, register_model
from volcast.cli.own_models.trial import check_storable


def own(folder: Path, code: str) -> OwnModel:
    found = own_model(register_model(f"{written(folder, code)}:Mine"))
    assert found
    return found


@pytest.mark.parametrize("code", [REGRESSOR, CONTRACT])
def test_a_model_that_can_be_stored_passes(tmp_path: Path, code: str) -> None:
    check_storable(own(tmp_path, code))


def test_a_model_without_a_state_is_refused(tmp_path: Path) -> None:
    code = REGRESSOR[: REGRESSOR.index("    def dump")]
    with pytest.raises(OwnModelError, match=r"mine.py: Mine has no methods dump and load, so its state would be lost"):
        check_storable(own(tmp_path, code))


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('return {"mean": self.mean}', 'return {"mean": 0.0}', "Mine.dump does not return all of"),
        ("return self.mean", "self.n = getattr(self, 'n', 0) + 1; return self.n / 1e3", "Mine.dump does not return all of"),
        ('float(state["mean"])', 'float(state["men"])', "mine.py, line 18, in Mine.load: KeyError: 'men'"),
        ("self.mean += 0.02", "self.mean += self.gain", "mine.py, line 12, in Mine.learn_one: AttributeError"),
    ],
)  # fmt: skip
def test_a_state_that_does_not_restore_the_model_is_found_out(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    with pytest.raises(OwnModelError) as caught:
        check_storable(own(tmp_path, REGRESSOR.replace(before, after)))
    assert sentence in str(caught.value)
