"""What a notebook shows: the sentence, a picture, nothing that is loaded, nothing that a user's text could break."""

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from tests.volcast.library.market import candles_of, sample
from volcast import Forecast, Forecaster


class Tags(HTMLParser):
    """The tags of a fragment, opened and closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onload", "onclick"}
        if tag not in {"br", "line"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"br", "line"}:
            assert self.open.pop() == tag


def checked(text: str) -> str:
    tags = Tags(text)
    assert tags.open == []
    assert not tags.names & {"script", "style", "link", "img", "iframe"}
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "nan" not in text
    return text


def picture(text: str) -> ET.Element:
    svg = text[text.index("<svg") : text.index("</svg>") + len("</svg>")]
    return ET.fromstring(svg)  # noqa: S314  # our own text


def test_a_forecast_is_a_sentence_and_a_picture() -> None:
    forecaster = Forecaster()
    forecaster.run(sample(200), symbol="BTC/USDT")
    text = checked(forecaster.latest()._repr_html_())
    forecast = forecaster.latest()
    low, high, _ = forecast.price_interval()
    assert f"next hour ±{forecast.volatility:.2%} · 90%: {low:.2f} to {high:.2f}" in text
    assert "valid until 03:23:00 UTC" in text
    assert "warming up: 140 outcomes, 1440 are needed" in text
    paths = picture(text).findall("{http://www.w3.org/2000/svg}path")
    assert len(paths) == 3  # two bands and one line
    assert checked(forecaster._repr_html_()) == text
    assert len(text) < 10_000


def test_a_gap_is_drawn_as_a_gap() -> None:
    forecaster = Forecaster()
    forecaster.run(pd.concat([sample(200), sample(260).tail(50)]))
    assert len(picture(checked(forecaster._repr_html_())).findall("{http://www.w3.org/2000/svg}path")) == 4


def test_prices_stay_within_the_picture() -> None:
    forecaster = Forecaster(price_decimals=12)
    tiny = sample(200)[["timestamp", "open", "high", "low", "close"]].set_index("timestamp") / 1e9
    forecaster.run(tiny.round(12))
    svg = picture(checked(forecaster._repr_html_()))
    for path in svg.findall("{http://www.w3.org/2000/svg}path"):
        points = [tuple(map(float, pair.split())) for pair in path.attrib["d"].strip("MZ").split("L")]
        assert all(0 <= x <= 640 and 0 <= y <= 200 for x, y in points)


def test_text_is_escaped() -> None:
    """A symbol can't have such a name; a forecast that is made by hand can."""
    text = Forecast("<script>", 0, None, stale_after_ms=0)._repr_html_()
    assert "<script>" not in checked(text)
    assert "&lt;script&gt;" in text


def test_several_symbols_are_a_table() -> None:
    forecaster = Forecaster()
    for name in ("AAA", "BBB"):
        forecaster.run(sample(), symbol=name)
    forecaster.update(**candles_of(sample(1))[0], symbol="CCC")
    text = checked(forecaster._repr_html_())
    assert text.count("<tr") == 3
    assert "1 more without a forecast" in text


def test_without_a_forecast_it_says_so() -> None:
    assert "no candles yet" in checked(Forecaster()._repr_html_())
    forecast = Forecaster().update(**candles_of(sample(1))[0])
    assert "waits for the next one" in checked(forecast._repr_html_())
    assert "waits for the next one" in repr(forecast)


@pytest.mark.parametrize("minutes", [5, 1_440])
def test_each_horizon_can_be_drawn(minutes: int) -> None:
    forecaster = Forecaster(horizons=minutes)
    forecaster.run(sample(100))
    checked(forecaster.latest()._repr_html_())
    assert str(forecaster).startswith("<Forecaster of the next ")
