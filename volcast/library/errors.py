"""What the library raises and warns of. Each message is a sentence for the user, who can do something about it.

It stands alone because all files of the library use it, and users catch what it defines.
"""


class CandleFrameError(ValueError):
    """A data frame can't be read as candles of one minute. Nothing of it was taken in."""


class CandleRefusedError(ValueError):
    """A single candle was refused. The forecaster is as it was before."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        """In one word, as in the column `candle_status`: `duplicate`, `late`, `not_a_number`, …"""


class SymbolError(ValueError):
    """A text is no symbol, or it is not clear which symbol is meant."""


class NoForecastError(ValueError):
    """There is no forecast that could answer."""


class SavedForecasterError(ValueError):
    """A file holds no forecaster that can be continued here, or can't be written."""


class CandlesRefusedWarning(UserWarning):
    """Some rows of a data frame were refused; the column `candle_status` says which and why."""
