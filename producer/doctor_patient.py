"""What is examined: a venue, one of its markets, and the way there."""

from typing import NamedTuple

from .feeds.contract import Feed, Pair
from .line import Place
from .rest import Rest


class Patient(NamedTuple):
    """A venue and one of its markets."""

    feed: Feed
    pair: Pair
    place: Place
    rest: Rest
    rest_url: str
    """What `rest` asks."""

    @property
    def spelled(self) -> str:
        """The market as the venue spells it."""
        return self.feed.spelling(self.pair)
