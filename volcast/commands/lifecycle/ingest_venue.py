"""The hours of a venue for `volcast ingest`, by the code of `volcast download`.

It belongs to the command, because `volcast.lifecycle` knows no venue.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time

from producer.feeds.contract import Feed, Request
from producer.history.download import Covered, DownloadError, DownloadRange, PartFile, download_over_rest
from producer.rest.client import RestError, UnknownPair
from producer.rest.response import Response
from volcast.candle_files.reader import read_candles
from volcast.cli.wiring.live import open_venue, venue_names
from volcast.core.types import MINUTE_MS
from volcast.lifecycle.ingestion.interval import INTERVAL_MS, DataInterval
from volcast.lifecycle.ingestion.raw import CandleCells, IngestedHour, IngestionError, RawAnswer, UnusableSourceError
from volcast.settings.schema import Settings

_MARGIN_MINUTES = 5
"""So much of what a venue still serves is not asked for, as the clocks may differ."""


class VenueSource:
    """The candles of one market of a venue. `symbol` is its name on the log, `pair` the venue's spelling."""

    def __init__(self, feed: Feed, name: str, symbol: str, pair: str, settings: Settings) -> None:
        self.name, self.symbol = name, symbol
        self._feed, self._pair, self._settings = feed, pair, settings

    async def fetch(self, interval: DataInterval) -> IngestedHour:
        """Return the candles of an hour that is over, with a flat one for each minute without trades.

        The hour before is asked for, too, as far as the venue serves it: its last close is the price of such a minute at the
        beginning. Raises IngestionError
        and UnusableSourceError.
        """
        answers: list[RawAnswer] = []
        wanted = DownloadRange(self._feed.name, self._pair, self._first_ms(interval), interval.to_ms, "rest")

        def keep(request: Request, response: Response) -> None:
            text = response.body.decode(errors="replace")
            query = "&".join(f"{key}={value}" for key, value in request.params.items())
            answers.append(RawAnswer(f"{request.path}?{query}", response.headers.get("date", ""), text))

        with TemporaryDirectory(prefix="volcast-ingest-") as folder:
            out, covered = Path(folder) / "candles.csv.gz", Covered(wanted.from_ms)
            try:
                with PartFile(Path(folder) / "part", wanted) as part:
                    try:
                        await self._fill(part, keep)
                    finally:
                        covered = part.covered
                    if covered.rows:
                        part.finish(out)
            except UnknownPair as error:
                raise UnusableSourceError(str(error)) from None
            except RestError as error:
                raise IngestionError(str(error)) from None
            except DownloadError as error:
                if covered.to_ms < interval.to_ms and folder not in str(error):  # else the part file can't be written
                    raise IngestionError(
                        f"{self._feed.name} has not closed the hour {interval.name} yet; try again later."
                    ) from None
                raise IngestionError(str(error)) from None
            candles: tuple[CandleCells, ...] = ()
            if covered.rows:
                candles = tuple(row[1:] for row in read_candles(out) if row.open_time_ms >= interval.from_ms)
        if not candles:
            raise IngestionError(f"{self._feed.name} has no candles of {self.symbol} in the hour {interval.name}.")
        span = (interval.from_ms, interval.to_ms)
        return IngestedHour(self.name, self.symbol, self._pair, *span, candles, tuple(answers), covered.odd, covered.odd_reason)

    def _first_ms(self, interval: DataInterval) -> int:
        """Return from when on candles are asked for. Raise UnusableSourceError if the venue does not serve the hour any more."""
        reach = self._feed.limits.history_minutes
        if reach is None:
            return interval.from_ms - INTERVAL_MS
        oldest_ms = int(time() * 1_000) - (reach - _MARGIN_MINUTES) * MINUTE_MS
        if interval.from_ms < oldest_ms:
            raise UnusableSourceError(
                f"{self._feed.name} serves only its last {reach} minutes, and the hour {interval.name} is older."
            )
        return max(interval.from_ms - INTERVAL_MS, -(-oldest_ms // MINUTE_MS) * MINUTE_MS)

    async def _fill(self, part: PartFile, keep: Callable[[Request, Response], None]) -> None:
        is_simulated = venue_names(self._feed, self._settings).simulated
        async with open_venue(self._feed, self._settings, allow_simulated=is_simulated, keep=keep) as (_, rest):
            await download_over_rest(rest, part)
