import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.volcast.cli.own_models.written import CONTRACT, REGRESSOR, forecasts, written
from volcast.cli.own_models.guarded import OwnModelError
from volcast.cli.own_models.load import own_model, own_places, register_model
from volcast.core.models import MODELS, create_model, is_known

FUNCTION = """
from river import compose, linear_model


def make(horizon_minutes):
    return compose.Select("rv_3") | linear_model.LinearRegression(l2=horizon_minutes / 100)


ready = compose.Select("rv_3") | linear_model.LinearRegression()
"""


def test_a_model_of_this_project_keeps_its_name() -> None:
    assert list(map(register_model, MODELS)) == list(MODELS)
    assert own_model("har") is None


@pytest.mark.parametrize(("code", "label"), [(REGRESSOR, "Mine"), (CONTRACT, "Mine"), (FUNCTION, "make"), (FUNCTION, "ready")])
def test_a_class_a_function_and_an_estimator_make_models(tmp_path: Path, code: str, label: str) -> None:
    path = written(tmp_path, code)
    name = register_model(f"{path}:{label}")
    assert name.startswith(f"{label}@")
    own = own_model(name)
    assert own
    assert own_places()[own.place.filename].shown.endswith("mine.py")
    assert all(made.shadows[name].median > 0 for made in forecasts(f"{path}:{label}"))
    one, other = (create_model(name, 60) for _ in range(2))
    assert one is not other


def test_the_name_is_that_of_the_code(tmp_path: Path) -> None:
    path = written(tmp_path)
    name = register_model(f"{path}:Mine")
    assert register_model(f"{path}:Mine") == name
    (tmp_path / "copy").mkdir()
    assert register_model(f"{written(tmp_path / 'copy')}:Mine") == name
    changed = register_model(f"{written(tmp_path, REGRESSOR.replace('0.02', '0.03'))}:Mine")
    assert changed != name
    slow, fast = forecasts(f"{tmp_path}/copy/mine.py:Mine"), forecasts(f"{path}:Mine")
    assert slow[-1].shadows[name].median != fast[-1].shadows[changed].median


def test_a_regressor_sees_its_features_or_all(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert create_model(register_model(f"{path}:Mine"), 60).names == ("start", "one", "rv_3")
    without = written(tmp_path, REGRESSOR.replace('features = ("one", "rv_3")', "pass"), "without.py")
    assert len(create_model(register_model(f"{without}:Mine"), 60).names) == 84


def test_a_file_can_import_the_one_beside_it(tmp_path: Path) -> None:
    written(tmp_path, "START = 0.25\n", "beside_of_a_model.py")
    path = written(tmp_path, "from beside_of_a_model import START\n" + REGRESSOR.replace("0.0", "START"), "imports.py")
    assert is_known(register_model(f"{path}:Mine"))


@pytest.mark.parametrize(
    ("code", "label", "sentence"),
    [
        ("x = 1\n", ":Mine", "cannot be found: {0} has no Mine; it defines no class"),
        ("class A: pass\nclass B: pass\n", ":Mine", "cannot be found: {0} has no Mine; its classes are A, B"),
        ("class A: pass\n", "", "cannot be found: write {0}:CLASS; its classes are A"),
        ("x = (\n", ":Mine", "{0}, line 1: SyntaxError: '(' was never closed"),
        ("x = 1\ny = z\n", ":Mine", "{0}, line 2: NameError: name 'z' is not defined"),
        ("import sys\nsys.exit(3)\n", ":Mine", "{0}, line 2: SystemExit: 3"),
        ("import no_such_module_at_all\n", ":Mine", "{0}, line 1: ModuleNotFoundError: No module named"),
        ("class Mine: pass\n", ":Mine", "{0}: Mine is no model: it has neither learn_one and predict_one"),
        ("class Mine:\n  def row(self, m): pass\n", ":Mine", "it lacks estimate, learn, learn_profile, seasonal_effect, learned"),
        ("Mine = 3\n", ":Mine", "{0}: TypeError: 3 is not a callable object"),
        (REGRESSOR.replace("self.mean = 0.0", "1 / 0", 1), ":Mine", "{0}, line 6, in Mine.__init__: ZeroDivisionError"),
        (REGRESSOR.replace('"rv_3"', '"rv_4"'), ":Mine", "{0}: Mine.features: there is no feature 'rv_4'; docs/forecast.md"),
        (CONTRACT + "    names = 7\n", ":Mine", "{0}: Mine.names is 7, where a tuple of texts is needed"),
        (REGRESSOR.replace('"rv_3"', '"one"'), ":Mine", "{0}: Mine.features: at least one feature is needed, and each only once"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_in_a_sentence(tmp_path: Path, code: str, label: str, sentence: str) -> None:
    path = written(tmp_path, code)
    with pytest.raises(OwnModelError) as caught:
        register_model(f"{path}{label}")
    assert sentence.format(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    for name, reason in (("none.py", "No such file or directory"), ("folder.py", "Is a directory")):
        with pytest.raises(OwnModelError, match=rf"cannot read the model .*{name}:Mine: .*{name}: {reason}"):
            register_model(f"{tmp_path}/{name}:Mine")


def test_a_name_that_nothing_has() -> None:
    with pytest.raises(OwnModelError, match="there is no model garch"):
        register_model("garch")


def installed(folder: Path, *entries: str) -> dict[str, str]:
    """Lay out an installed package with these entry points, and return the environment in which it is found."""
    written(folder, REGRESSOR, "models_of_a_package.py")
    for number, entry in enumerate(entries):
        info = folder / f"package_{number}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package-{number}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[volcast.models]\n{entry}\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), *filter(None, (os.environ.get("PYTHONPATH"),))))}


def run(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


LOAD = "from volcast.cli.own_models.load import register_model as r; from volcast.settings.values import check_model as c; "


def test_an_installed_package_names_its_models(tmp_path: Path) -> None:
    environment = installed(tmp_path, "mean = models_of_a_package:Mine")
    assert run(LOAD + "print(c('mean'), r('mean'))", environment).startswith("mean mean@")
    told = run(LOAD + "c('meen')", environment)
    assert "'meen' is not a model; choose from two_stage, river_blr, har_diurnal, har, ewma, last, mean, or give a model" in told


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        (["mean = models_of_a_package:None_"], "the model mean of the installed models_of_a_package:None_ cannot be imported"),
        (["mean = nowhere_at_all:Mine"], "cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        (["mean = models_of_a_package:Mine", "mean = models_of_a_package:Mine "], "several installed packages have a model mean"),
    ],
)
def test_a_wrong_entry_point_is_told(tmp_path: Path, entries: list[str], sentence: str) -> None:
    assert sentence in run(LOAD + "r('mean')", installed(tmp_path, *entries))
