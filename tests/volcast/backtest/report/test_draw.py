"""Colours, dashes and axes of charts."""

from tests.volcast.backtest.streams import DAY, comparison_of, track_of, truth_of
from volcast.backtest.comparison import compare
from volcast.backtest.report.draw import COLOURS, is_narrow, look, scaled, series_of, shown
from volcast.backtest.report.svg import canvas


def test_all_series_look_different() -> None:
    looks = {look(series) for series in range(len(COLOURS) * 9)}
    assert len(looks) == len(COLOURS) * 9


def test_colours_are_readable_on_white() -> None:
    """The contrast that WCAG 2 asks of graphics is 3:1; text-like lines keep 4:1."""
    for colour in COLOURS:
        channels = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) > 4.0


def test_a_model_keeps_its_colour_whatever_its_rank() -> None:
    truth, expected = truth_of(20 * DAY)
    ranks = [{"a": 0.5, "b": 0.2}, {"a": 0.2, "b": 0.5}]
    found = [
        compare(
            truth,
            [track_of("champion", expected), *(track_of(name, expected, noise=noise) for name, noise in rank.items())],
            "champion",
            symbol="X",
        )
        for rank in ranks
    ]
    assert [model.model for model in found[0].models] != [model.model for model in found[1].models]
    for comparison in found:
        assert [series_of(comparison, name) for name in ("champion", "a", "b")] == [0, 1, 2]


def test_lines_without_a_value_are_not_shown() -> None:
    assert shown({"a": [None, None], "b": [None, 1.0], "c": []}) == {"b": [None, 1.0]}
    assert scaled([None, 0.5]) == [None, 50.0]


def test_a_phone_is_narrow() -> None:
    assert comparison_of(0).models
    for width, narrow in ((4.8, True), (10.0, False)):
        with canvas("x", 3.0, width) as (_, axes):
            assert is_narrow(axes) == narrow
