"""Each field of a signal is described in one place, in a form that the API, the metrics and the docs can use."""

from typing import get_args, get_type_hints

import msgspec
import pytest

from api.fields import field_descriptions
from tests.api.signals import signals
from volcast.core.codec import decode_signal, encode_signal
from volcast.core.forecast.results import HorizonForecast, Outcome, Shadow
from volcast.core.types import Signal

STRUCTS = (Signal, HorizonForecast, Outcome, Shadow)


@pytest.mark.parametrize("struct", STRUCTS)
def test_each_field_has_a_description_of_one_sentence(struct: type[msgspec.Struct]) -> None:
    descriptions = field_descriptions(struct)
    assert list(descriptions) == list(struct.__struct_fields__)
    for text in descriptions.values():
        assert text.endswith(".")
        assert ". " not in text


@pytest.mark.parametrize("struct", STRUCTS)
def test_a_truth_value_is_described_by_whether(struct: type[msgspec.Struct]) -> None:
    """The metrics turn `Whether …` into `1 if …, else 0`."""
    truths = {name for name, hint in get_type_hints(struct).items() if bool in {hint, *get_args(hint)}}
    assert {name for name, text in field_descriptions(struct).items() if text.startswith("Whether ")} == truths


def test_another_horizon_has_the_descriptions_of_a_signal() -> None:
    of_signal = field_descriptions(Signal)
    assert field_descriptions(HorizonForecast) == {name: of_signal[name] for name in HorizonForecast.__struct_fields__}


def test_descriptions_do_not_constrain_the_wire() -> None:
    for signal in signals(61):
        assert decode_signal(encode_signal(signal)) == signal
