"""The sentences of `volcast ask` and their JSON, from a forecast with known quantiles."""

import json

import msgspec
import pytest

from api.outlook import Outlook
from api.status import Status
from tests.api.signals import signals
from tests.market_quantiles import mixture_quantiles
from volcast.commands.signals.sentences import Questions, answers, as_object, circumstances
from volcast.core.forecast.distribution.questions import PriceOutlook, QuestionError

SIGNAL = msgspec.structs.replace(signals(61)[-1], open_time_ms=1_706_745_540_000, close=42_583.2)


def outlook(status: Status = Status.OK, *, age_s: float = 25.0, is_over: bool = False) -> Outlook:
    prices = PriceOutlook(mixture_quantiles(), SIGNAL.close)
    return Outlook(prices, 60, SIGNAL.open_time_ms + 61 * 60_000, is_over, status, age_s)


def sentences(questions: Questions) -> list[str]:
    return [answer.sentence for answer in answers(questions, SIGNAL, outlook())]


def test_probabilities() -> None:
    found = sentences(Questions(above=(42_700.0,), below=(41_900.5,), between=((42_500.0, 42_600.0),), touch=(42_700.0,)))
    begins = [
        "BTCUSDT closes above 42700 at 2024-02-01 01:00 UTC with a probability of 2",
        "BTCUSDT closes below 41900.5 at 2024-02-01 01:00 UTC with a probability of 0.",
        "BTCUSDT closes between 42500 and 42600 at 2024-02-01 01:00 UTC with a probability of ",
        "BTCUSDT touches 42700 before 2024-02-01 01:00 UTC with a probability of 4",
    ]
    assert [text[: len(begin)] for text, begin in zip(found, begins, strict=True)] == begins
    assert "rarer than the outermost quantile" in found[1]
    assert not any("rarer" in text for text in (found[0], *found[2:]))


def test_what_is_hardly_possible_has_no_made_up_number() -> None:
    above, below = sentences(Questions(above=(50_000.0,), below=(50_000.0,)))
    assert above.endswith("with a probability of less than 0.10 %")
    assert below.endswith("with a probability of more than 99.90 %")


def test_losses_are_those_of_both_sides() -> None:
    long, short = sentences(Questions(value_at_risk=(0.99,)))
    assert long.startswith("a long position in BTCUSDT loses more than 1.")
    assert "(price below 42" in long
    assert "with a probability of 1.0 %; if it does, it loses 1." in long
    assert short.startswith("a short position in BTCUSDT loses more than 1.")
    assert "(price above 43" in short


def test_an_interval_has_the_decimals_of_the_close() -> None:
    [text] = sentences(Questions(interval=(0.8,)))
    assert text.startswith("BTCUSDT closes between 42")
    assert text.endswith("at 2024-02-01 01:00 UTC with a probability of 80.0 %")
    assert len(text.split()[3].partition(".")[2]) == 1


@pytest.mark.parametrize(("close", "bound"), [(42_500.0, "42376.2"), (2_300.25, "2293.55"), (0.00001234, "0.0000123041")])
def test_prices_of_any_size(close: float, bound: str) -> None:
    signal = msgspec.structs.replace(SIGNAL, close=close)
    asked = outlook()._replace(prices=PriceOutlook(mixture_quantiles(), close))
    [answer] = answers(Questions(interval=(0.5,)), signal, asked)
    assert len(answer.sentence.split()[3]) == len(bound)


def test_circumstances_say_age_and_status_and_until_when_it_holds() -> None:
    [line] = circumstances(SIGNAL, outlook())
    assert line == (
        "by the forecast of 2024-02-01 00:00 UTC, 25 s old, when BTCUSDT was at 42583.2; status ok; it holds until "
        "2024-02-01 01:00 UTC"
    )
    for status, word in ((Status.WARMING, "few candles"), (Status.SPARSE, "most minutes")):
        assert word in circumstances(SIGNAL, outlook(status))[1]
    over = circumstances(SIGNAL, outlook(Status.FINISHED, age_s=7_300.0, is_over=True))
    assert "2.0 h old" in over[0]
    assert over[1].startswith("caution: that time has passed")


@pytest.mark.parametrize(
    ("age_s", "text"), [(61.0, "61 s old"), (600.0, "10 min old"), (90_000.0, "25.0 h old"), (1e6, "12 days old")]
)
def test_ages(age_s: float, text: str) -> None:
    assert text in circumstances(SIGNAL, outlook(age_s=age_s))[0]


def test_json_has_the_same_answers() -> None:
    questions = Questions((42_700.0,), (42_700.0,), ((42_000.0, 43_000.0),), (42_700.0,), (0.99,), (0.8,))
    found = answers(questions, SIGNAL, outlook())
    document = json.loads(json.dumps(as_object(found, SIGNAL, outlook())))
    asked = [each["question"] for each in document["answers"]]
    assert asked == ["above", "below", "between", "touch", "var", "var", "interval"]
    above, below = document["answers"][:2]
    assert above["probability"] + below["probability"] == pytest.approx(1.0)
    assert (document["status"], document["horizon_end"], document["horizon_over"]) == ("ok", "2024-02-01T01:00:00Z", False)
    assert [each["side"] for each in document["answers"][4:6]] == ["long", "short"]


def test_a_question_without_an_answer_is_refused() -> None:
    with pytest.raises(QuestionError, match="a price must be a number above 0"):
        answers(Questions(above=(-1.0,)), SIGNAL, outlook())
