"""The fields of a signal, read from the annotations of its types: what each means, and which of them are numbers.

The API's answers (responses.py), its metrics (metrics.py) and the tables in docs/ take their texts from here, so that each field
is described in one place, `volcast.core.types`.
"""

from collections.abc import Callable
from typing import TypeVar, get_args, get_type_hints

from msgspec import Meta, Struct
from pydantic import BaseModel

from volcast.core.types import Signal

_Model = TypeVar("_Model", bound=BaseModel)


def field_descriptions(struct: type[Struct]) -> dict[str, str]:
    """Return the description of each field by name, in the order of the fields; one that has none is described as in `Signal`.

    >>> field_descriptions(Signal)["close"]
    "The candle's close."
    """
    own = {
        name: meta.description
        for name, hint in get_type_hints(struct, include_extras=True).items()
        for meta in getattr(hint, "__metadata__", ())
        if isinstance(meta, Meta) and meta.description
    }
    shared = {} if struct is Signal else field_descriptions(Signal)
    return {name: own.get(name) or shared[name] for name in struct.__struct_fields__}


def numeric_fields(struct: type[Struct]) -> list[str]:
    """Return the fields that hold a number or a truth value, without times in milliseconds: metrics show times in seconds."""
    hints = get_type_hints(struct)
    return [name for name, hint in hints.items() if not name.endswith("_ms") and {hint, *get_args(hint)} & {int, float, bool}]


def described_as(struct: type[Struct]) -> Callable[[type[_Model]], type[_Model]]:
    """Return a class decorator that gives the fields of a pydantic model the descriptions of the struct's fields of that name."""

    def describe(model: type[_Model]) -> type[_Model]:
        for name, description in field_descriptions(struct).items():
            if name in model.model_fields and not model.model_fields[name].description:
                model.model_fields[name].description = description
        model.model_rebuild(force=True)
        return model

    return describe
