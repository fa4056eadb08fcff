"""The MCP server: the tools under their names, with what an assistant is told of them. The only file that imports the library."""

from collections.abc import Awaitable
from typing import Annotated, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from volcast.client.asynchronous import AsyncClient
from volcast.client.errors import VolcastError

from . import tools
from .results import DriftAnswer, HistoryAnswer, LatestAnswer, ProbabilityAnswer, SymbolsAnswer, ToolAnswer

_INSTRUCTIONS = """
Volatility forecasts of crypto markets, from a running volcast API. Every answer begins with a sentence, `summary`, that says
whether its numbers may be used now, and until when. Repeat that to the user. If `usable_now` is false, say that there is no
current forecast, and why; never give the numbers as current. An answer grows old while you talk: after `valid_until` ask again.
These are forecasts and no advice to trade.
"""
_READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_Answer = TypeVar("_Answer", bound=ToolAnswer | SymbolsAnswer)
SymbolName = Annotated[str, Field(description="A symbol such as BTCUSDT or BTCUSDT.BINANCE; the tool `symbols` lists them.")]


def create_mcp_server(client: AsyncClient, version: str = "") -> MCPServer:
    """Return a server whose tools ask by this client. All of them only read."""
    server = MCPServer("volcast", instructions=_INSTRUCTIONS.strip(), version=version, log_level="WARNING", subscriptions=False)

    @server.tool(title="Latest forecast", annotations=_READ_ONLY)
    async def latest(symbol: SymbolName) -> Annotated[CallToolResult, LatestAnswer]:
        """Latest volatility forecast of a symbol, with the range of its price.

        Volatilities are fractions over the horizon (0.01 is 1 %), prices are in the quote currency.
        """
        return await _result(tools.latest_answer(client, symbol))

    @server.tool(title="Probability of a price", annotations=_READ_ONLY)
    async def probability(
        symbol: SymbolName,
        question: Annotated[
            tools.PriceQuestion,
            Field(description="above, below or between: the price at the end of the horizon; touch: it is reached within it."),
        ],
        price: Annotated[float, Field(gt=0, description="In the quote currency; the lower price of between.")],
        upper_price: Annotated[float | None, Field(gt=0, description="Of between only: the upper price.")] = None,
        horizon_minutes: Annotated[
            int | None, Field(ge=1, description="One of the API's horizons; by default its first.")
        ] = None,
    ) -> Annotated[CallToolResult, ProbabilityAnswer]:
        """How likely a price is over the horizon of the latest forecast, between 0 and 1."""
        return await _result(tools.probability_answer(client, symbol, question, (price, upper_price), horizon_minutes))

    @server.tool(title="Drift alarms", annotations=_READ_ONLY)
    async def drift(symbol: SymbolName) -> Annotated[CallToolResult, DriftAnswer]:
        """Which drift alarms of a symbol are on: reasons to distrust its forecast or its data."""
        return await _result(tools.drift_answer(client, symbol))

    @server.tool(title="Past forecasts", annotations=_READ_ONLY)
    async def history(
        symbol: SymbolName,
        rows: Annotated[int, Field(ge=1, le=tools.MAX_PAST_ROWS, description="At most so many, one for each minute.")] = 60,
        before: Annotated[str | None, Field(description="`before` of the last answer, for older rows; ISO 8601, UTC.")] = None,
    ) -> Annotated[CallToolResult, HistoryAnswer]:
        """Past forecasts of a symbol and what came of them, oldest first. They are never the forecast of now."""
        return await _result(tools.history_answer(client, symbol, rows, before))

    @server.tool(title="Symbols", annotations=_READ_ONLY)
    async def symbols(
        after: Annotated[str | None, Field(description="`after` of the last answer, for the symbols that follow.")] = None,
    ) -> Annotated[CallToolResult, SymbolsAnswer]:
        """All symbols, and which of them have a forecast that may be used now."""
        return await _result(tools.symbols_answer(client, after))

    return server


async def _result(answering: Awaitable[_Answer]) -> CallToolResult:
    """Return an answer as text, the summary first, and as an object."""
    try:
        answer = await answering
    except (VolcastError, ValueError) as error:
        raise ToolError(f"NO ANSWER: {error}") from error
    text = f"{answer.summary}\n\n{answer.model_dump_json(exclude={'summary'})}"
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=answer.model_dump(mode="json"))
