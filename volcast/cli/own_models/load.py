"""Finds a user's model, imports its code, and registers it with the core under a name that tells its version.

    FILE.py:CLASS    a class, a function that returns a model, or a River estimator, in a file
    NAME             the same in an installed package, by its entry point in the group `volcast.models`

Its name in signals, settings and reports is CLASS or NAME, and a checksum of its file: forecasts of other code have another name,
and only the code that left a state continues it.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from inspect import isclass, isfunction, signature
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from zlib import crc32

from volcast.core.models import is_known, register
from volcast.core.models.contract import Learned, Model
from volcast.core.models.textbook import Full, PartOfFull, Textbook
from volcast.settings.values import MODEL_ENTRY_POINTS, MODEL_NAMES

from .guarded import CodePlace, GuardedModel, GuardedRegression, OwnModelError

_REGRESSOR = ("learn_one", "predict_one")
_MODEL = ("row", "estimate", "learn", "learn_profile", "seasonal_effect", "learned")
_STATE = ("dump", "load")
_SOME_HORIZON = 60


class OwnModel(NamedTuple):
    """A user's model that has been registered with the core."""

    name: str
    """Its name in the core."""
    place: CodePlace
    storable: bool
    """Whether it has dump and load, so that a snapshot can hold its state."""


_registered: dict[str, OwnModel] = {}
"""By name: what this process has registered."""
_places: dict[str, CodePlace] = {}


def register_model(text: str) -> str:
    """Return the core's name for the model that the user calls `text`, after registering it if it is one of their own.

    Raises OwnModelError if its code cannot be found or cannot be used.
    """
    if text in MODEL_NAMES:
        return text
    given, place, code = _find(text)
    name = f"{place.label}@{crc32(code):08x}"
    if not is_known(name):
        create, has_state = _factory(given, place)
        register(name, create)
        _places[place.filename] = place
        _registered[name] = OwnModel(name, place, has_state)
    return name


def own_model(name: str) -> OwnModel | None:
    """Return what is known of a registered model; None for one of this project."""
    return _registered.get(name)


def own_places() -> Mapping[str, CodePlace]:
    """Return where the code of own models is, by the path by which Python knows the file; also while it is being imported."""
    return _places


def _find(text: str) -> tuple[Any, CodePlace, bytes]:
    """Return what the user has named, where it is, and the bytes of its file."""
    file, colon, label = text.rpartition(":")
    if text.endswith(".py"):
        file, colon, label = text, "", ""
    if file.endswith(".py"):
        path = Path(file).expanduser()
        try:
            code = path.read_bytes()
        except OSError as error:
            raise OwnModelError(f"cannot read the model {text}: {file}: {error.strerror}") from None
        module = _import_file(path, code)
        if not colon or not hasattr(module, label):
            advice = f"{file}:CLASS" if not colon else f"{file} has no {label}"
            raise OwnModelError(f"the model {text} cannot be found: {_advice(advice, colon, module)}")
        return getattr(module, label), CodePlace(file, str(module.__file__), label), code
    entry = _entry_point(text)
    try:
        given, module = entry.load(), import_module(entry.module)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise OwnModelError(f"the model {text} of the installed {entry.value} cannot be imported: {what}") from error
    where = str(module.__file__ or entry.module)
    code = Path(where).read_bytes() if module.__file__ else entry.value.encode()
    return given, CodePlace(where, where, text), code


def _advice(what: str, colon: str, module: ModuleType) -> str:
    made = [name for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__ and isclass(each)]
    classes = f"its classes are {', '.join(made)}" if made else "it defines no class"
    return f"{what}; {classes}" if colon else f"write {what}; {classes}"


def _entry_point(name: str) -> EntryPoint:
    found = entry_points(group=MODEL_ENTRY_POINTS, name=name)
    if not found:
        raise OwnModelError(f"there is no model {name}; `volcast settings` lists the models of this project")
    if len(found) > 1:
        several = " and ".join(sorted(each.value for each in found))
        raise OwnModelError(f"several installed packages have a model {name}: {several}; give one as FILE.py:CLASS")
    return next(iter(found))


def _import_file(path: Path, code: bytes) -> ModuleType:
    """Import a file as a module of its own. It can import the files beside it.

    The bytes that were read are executed: Python's cache might hold code of before.
    """
    name = f"volcast_own_{path.stem}_{crc32(code):08x}"
    spec = spec_from_file_location(name, path)
    if name in sys.modules or spec is None:
        return sys.modules[name]
    module = module_from_spec(spec)
    _places[str(module.__file__)] = CodePlace(str(path), str(module.__file__), path.stem)
    sys.modules[name] = module  # dataclasses and pickle look a module up by its name
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # at the end: a file beside it must not replace a module of the standard library
    try:
        exec(compile(code, str(module.__file__), "exec"), vars(module))  # noqa: S102  # the user's own code
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, SyntaxError) and error.filename == module.__file__:
            raise OwnModelError(f"{path}, line {error.lineno}: {type(error).__name__}: {error.msg}") from error
        if isinstance(error, Exception | SystemExit):
            raise _places[str(module.__file__)].failed("", error) from error
        raise
    return module


def _factory(given: Any, place: CodePlace) -> tuple[Callable[[int, Learned | None], Model], bool]:
    """Return a function that makes a model of one horizon, and whether such a model has a state that can be stored."""
    first = _made(given, place, _SOME_HORIZON)
    has_state = all(callable(getattr(first, method, None)) for method in _STATE)
    if all(callable(getattr(first, method, None)) for method in _REGRESSOR):
        inputs = _inputs(first, place)
        return lambda horizon, _: Textbook(horizon, inputs(), GuardedRegression(_made(given, place, horizon), place)), has_state
    missing = [method for method in _MODEL if not callable(getattr(first, method, None))]
    if missing or not hasattr(first, "names"):
        lacks = _and([*missing, *(() if hasattr(first, "names") else ("names",))])
        raise OwnModelError(
            f"{place.shown}: {place.label} is no model: it has neither learn_one and predict_one, as River's regressors, "
            f"nor all that the contract in volcast/core/models/contract.py asks for: it lacks {lacks}"
        )
    GuardedModel(first, place)
    return lambda horizon, _: GuardedModel(_made(given, place, horizon), place), has_state


def _inputs(regressor: Any, place: CodePlace) -> Callable[[], Full]:
    """Return a function that makes the inputs of a regressor: its `features`, or all that there are."""
    features = getattr(regressor, "features", None)
    if features is None or callable(features):
        return Full
    try:
        names = tuple(features)
        PartOfFull(names)
    except (TypeError, ValueError) as error:
        raise OwnModelError(f"{place.shown}: {place.label}.features: {error}") from None
    return lambda: PartOfFull(names)


def _made(given: Any, place: CodePlace, horizon_minutes: int) -> Any:
    """Return a new regressor or model; a parameter `horizon_minutes` receives the horizon."""
    try:
        if not isclass(given) and not isfunction(given) and hasattr(given, "clone"):
            return given.clone()
        wants_horizon = "horizon_minutes" in signature(given).parameters
        return given(horizon_minutes=horizon_minutes) if wants_horizon else given()
    except Exception as error:
        raise place.failed("__init__" if isclass(given) else "", error) from error


def _and(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
