"""The symbol in a path: its latest signal, or the answer that there is none. All routes of one symbol share it."""

from typing import Annotated

from fastapi import Path, Response
from pydantic import Field

from .routes.problems import Problem, ProblemKind, ProblemResponse, problem_answers
from .status import Latest
from .view import View

LISTED_SYMBOLS = 20
"""An answer that is not about all symbols names at most so many."""


class UnknownSymbolProblem(Problem):
    """There is no signal for the requested symbol."""

    known: list[str] = Field(description=f"The first {LISTED_SYMBOLS} symbols that have a signal, sorted.")
    known_count: int = Field(description="Number of symbols that have a signal.")


SymbolInPath = Annotated[str, Path(description="A symbol such as BTCUSDT or BTCUSDT.BINANCE, in capital or small letters.")]
UNKNOWN_SYMBOL = problem_answers({404: "The symbol has no signal yet, or does not exist."}, "UnknownSymbolProblem")
"""What the OpenAPI schema says of `unknown_symbol`."""


def find_latest(view: View, symbol: str) -> Latest | None:
    """Return the latest signal of a symbol, which a client may write in small letters."""
    return view.get(symbol) or (view.get(symbol.upper()) if symbol.isascii() else None)


def unknown_symbol(view: View, symbol: str) -> Response:
    """Return the answer 404 for a symbol without a signal."""
    known = view.symbols
    listed = known[:LISTED_SYMBOLS]
    others = f" and {len(known) - len(listed)} more" if len(known) > len(listed) else ""
    detail = f"no signal for {symbol!r:.60}; symbols with a signal: {', '.join(listed) or 'none yet'}{others}"
    if symbol.upper() in view.unreadable_symbols:
        detail = f"the signals for {symbol!r:.60} cannot be read; see the log messages of this process"
    return ProblemResponse(404, detail, ProblemKind.UNKNOWN_SYMBOL, known=listed, known_count=len(known))
