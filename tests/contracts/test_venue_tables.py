"""The lists of venues beside `VENUES`: each names all venues, or those of a property that the venue's own table states."""

import pytest

from bench.live import STREAMED
from producer.feeds import VENUES
from producer.file_names import _VENUES as VENUES_IN_FILE_NAMES
from volcast.commands.candles.simulate_exchange import _VENUES as SIMULATED
from volcast.commands.doctor.command import _USD_VENUES
from volcast.simulation.exchange.corruption import FOREIGN
from volcast.simulation.exchange.dialects import DIALECTS
from volcast.simulation.exchange.faults import BINANCE_ONLY, GIVES_NOTICE, UNNOTICEABLE_HOLES, kinds_of


def test_lists_of_all_venues_are_complete_and_in_one_order() -> None:
    assert list(VENUES) == list(DIALECTS) == list(SIMULATED) == list(FOREIGN)


def test_lists_of_some_venues_name_only_venues() -> None:
    for names in (GIVES_NOTICE, UNNOTICEABLE_HOLES, _USD_VENUES, STREAMED):
        assert set(names) <= set(VENUES)


@pytest.mark.parametrize("venue", VENUES)
def test_a_file_name_may_name_each_venue(venue: str) -> None:
    assert VENUES_IN_FILE_NAMES.fullmatch(venue.upper())


@pytest.mark.parametrize("venue", VENUES)
def test_a_hole_can_be_noticed_if_candles_are_sent_or_trades_or_frames_are_numbered(venue: str) -> None:
    feed = VENUES[venue]
    numbers_frames = feed.parse(FOREIGN[venue]).sequence is not None
    assert (venue in UNNOTICEABLE_HOLES) is not (feed.sends_candles or feed.dense_trade_ids or numbers_frames)


def test_faults_of_one_venue_happen_only_there() -> None:
    assert {venue for venue in VENUES if BINANCE_ONLY & set(kinds_of(venue))} == {"binance"}
