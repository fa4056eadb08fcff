"""The dashboard of drift: which detectors have alarms on, on which symbols, and the numbers behind them."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from .board import DRIFT_UID, TIERS, Board, drift_annotations, symbol_variable, window_variable
from .model_performance import SKILL, SKILL_STEPS, skill
from .panels import BLUE, GREEN, ORANGE, RED, YELLOW, graph, number, rows, states

SYMBOLS = 'symbol=~"$symbol"'
SKILL_BY_SYMBOL = skill(matcher=f"{{{SYMBOLS}}}")
WEIGHTS = {"page": 3, "ticket": 2, "info": 1}
ALARMS_BY_WEIGHT = "max by (symbol, detector) ({})".format(
    " or ".join(f'volcast_drift_alarm{{tier="{tier}",{SYMBOLS}}} * {weight}' for tier, weight in WEIGHTS.items())
)
"""The alarms that are on; the value tells the tier."""
RATIO_LIMIT = 0.15
"""Above it `inputs_moved` is on: docs/drift.md."""


def alarms(tier: str) -> str:
    """Return the number of alarms of a tier that are on; several APIs that serve a symbol count once."""
    return f'count(max by (symbol, detector) (volcast_drift_alarm{{tier="{tier}",{SYMBOLS}}})) or vector(0)'


def worst(expression: str, *, lowest: bool = False) -> str:
    """Return the ten series with the highest values, or the lowest."""
    return f"{'bottomk' if lowest else 'topk'}(10, {expression})"


def rise(metric: str, by: str, window: str) -> str:
    """Return by how much a count rose within a window. Counts that move with a partition are no new ones, as for `increase`."""
    matcher = f"{{{SYMBOLS}}}" if by == "symbol" else ""
    return f"max by ({by}) (max_over_time({metric}{matcher}[{window}]) - min_over_time({metric}{matcher}[{window}]))"


def data_drift() -> Dashboard:
    """Return the dashboard."""
    board = Board(DRIFT_UID, "volcast: data drift", "Alarms of the drift detectors by consequence, and what they look at.", "24h")
    board.ask(symbol_variable(several=True), window_variable())
    board.mark(drift_annotations(SYMBOLS))
    at_a_glance(board)
    board.row(
        "Alarms",
        states(
            "When alarms were on",
            "A bar for each detector and symbol, from when until when its alarm was on. Time is that of the scrapes: in a replay "
            "the candles' own time passes faster.",
            f"topk(25, {ALARMS_BY_WEIGHT})",
            "{{symbol}}: {{detector}}",
            texts={str(weight): (tier, TIERS[tier]) for tier, weight in WEIGHTS.items()},
            span=14,
            height=10,
        ),
        rows(
            "Alarms that are on now",
            "GET /drift/SYMBOL of the API has the evidence of each: numbers before and after, since when, the false-alarm rate.",
            {"on": f"max by (symbol, detector, tier) (volcast_drift_alarm{{{SYMBOLS}}})"},
            units={},
            order=("tier", "symbol", "detector"),
            span=10,
            height=10,
        ),
    )
    inputs_and_forecast(board)
    data_quality(board)
    board.runbook("Forecast", "Data")
    return board.build()


def at_a_glance(board: Board) -> None:
    """Add how many alarms of each tier are on."""
    red_if_any, orange_if_any = (((None, GREEN), (1.0, color)) for color in (RED, ORANGE))
    board.row(
        "At a glance",
        number(
            "Pages on",
            "Skill is lost, or the data is broken: what readers get is wrong now. Look at once.",
            alarms("page"),
            unit="none",
            steps=red_if_any,
        ),
        number(
            "Tickets on",
            "Calibration is off, or candles are missing or suspect. Look this week.",
            alarms("ticket"),
            unit="none",
            steps=orange_if_any,
        ),
        number(
            "Infos on",
            "Inputs have moved, and forecasts are still as good as they were. Nothing to do.",
            alarms("info"),
            unit="none",
            steps=((None, BLUE),),
        ),
        number(
            "Symbols with a page or a ticket",
            "Many at once: think of a cause that they share, such as the venue or a new version.",
            f'count(max by (symbol) (volcast_drift_alarm{{tier=~"page|ticket",{SYMBOLS}}})) or vector(0)',
            unit="none",
            steps=((None, GREEN), (1.0, YELLOW), (5.0, RED)),
        ),
        number(
            "Highest drift ratio",
            "Largest share of the twelve monitored inputs of a symbol that drift now. Above 15 % the inputs have moved.",
            f"max(data_drift_ratio{{{SYMBOLS}}})",
            unit="percentunit",
            decimals=0,
            steps=((None, GREEN), (RATIO_LIMIT, YELLOW)),
        ),
        number(
            "Lowest skill against EWMA",
            SKILL,
            f"min({SKILL_BY_SYMBOL})",
            unit="percentunit",
            decimals=1,
            steps=SKILL_STEPS,
            no_value="no outcome yet",
        ),
    )


def inputs_and_forecast(board: Board) -> None:
    """Add inputs, skill and calibration of the worst symbols."""
    board.row(
        "Inputs, skill and calibration: the ten worst symbols",
        graph(
            "Share of inputs that drift",
            "data_drift_ratio: how many of twelve monitored inputs, thinned to hours and freed of the daily rhythm, are further "
            "off than 99 % of bootstrapped real history. Above the line the inputs have moved.",
            {"{{symbol}}": worst(f"max by (symbol) (data_drift_ratio{{{SYMBOLS}}})")},
            unit="percentunit",
            span=8,
            limit=RATIO_LIMIT,
            maximum=1.0,
        ),
        graph(
            "Lowest skill against EWMA",
            SKILL,
            {"{{symbol}}": worst(SKILL_BY_SYMBOL, lowest=True)},
            unit="percentunit",
            span=8,
            minimum=-1.0,
            maximum=1.0,
            limit=0.0,
        ),
        graph(
            "Coverage minus its level",
            "How far the share of outcomes within the interval is from the level that was asked for; 0 is right.",
            {
                "{{symbol}}": worst(
                    f"abs(avg by (symbol) (avg_over_time(volcast_outcome_covered{{{SYMBOLS}}}[$window]))"
                    f" - on (symbol) max by (symbol) (volcast_interval_level{{{SYMBOLS}}}))"
                )
            },
            unit="percentunit",
            span=8,
        ),
    )


def data_quality(board: Board) -> None:
    """Add what is wrong with the candles themselves."""
    board.row(
        "Data quality: the ten worst symbols",
        graph(
            "Missing minutes of the last day",
            "Share of minutes without a candle. CandlesSparse fires above 20 %; above 50 % the forecast is not warm.",
            {"{{symbol}}": worst(f"max by (symbol) (volcast_missing_share{{{SYMBOLS}}})")},
            unit="percentunit",
            span=8,
            limit=0.2,
            maximum=1.0,
        ),
        graph(
            "Candles with a suspect price within an hour",
            "A price far outside the market's scale, which the forecast ignores. PricesSuspect fires at many within a day.",
            {"{{symbol}}": worst(rise("volcast_suspect_candles", "symbol", "1h"))},
            unit="short",
            span=8,
        ),
        graph(
            "Records refused within 15 minutes, by reason",
            "They are on the topic candles.rejected: `volcast rejects list` shows them.",
            {"{{reason}}": f"{rise('volcast_consumer_rejected_total', 'reason', '15m')} > 0"},
            unit="short",
            span=8,
        ),
    )
