"""The dashboard of one symbol's forecast: what is forecast, what came, and whether the model is better than a plain average."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from .board import MODEL_UID, Board, drift_annotations, symbol_variable, window_variable
from .panels import BLUE, GREEN, GREY, ORANGE, RED, YELLOW, graph, number, rows, state

SYMBOL = 'symbol="$symbol"'
SKILL_STEPS = ((None, RED), (0.0, YELLOW), (0.03, GREEN))
COVERAGE_STEPS = ((None, RED), (0.8, YELLOW), (0.85, GREEN), (0.95, YELLOW), (0.98, RED))
"""For intervals of 90 %, the default."""
SKILL = (
    "Mean QLIKE loss of the forecast beside that of a plain EWMA, as 1 − forecast/EWMA: above 0 it is better. A good model loses "
    "on one day in nine and on no fortnight: choose a long average. Means of what the scrapes saw: in a fast replay a sample."
)


def of(metric: str, *, by: str = "symbol") -> str:
    """Return the gauge of the chosen symbol; several APIs that serve it are one."""
    return f"max by ({by}) ({metric}{{{SYMBOL}}})"


def mean(metric: str, *, by: str = "symbol") -> str:
    """Return the mean of a gauge of the chosen symbol over the chosen time."""
    return f"avg by ({by}) (avg_over_time({metric}{{{SYMBOL}}}[$window]))"


def skill(prefix: str = "volcast_outcome", matcher: str = f"{{{SYMBOL}}}", by: str = "symbol") -> str:
    """Return 1 minus the ratio of the mean losses of forecast and EWMA."""
    losses = [f"avg by ({by}) (avg_over_time({prefix}_{loss}{matcher}[$window]))" for loss in ("qlike", "qlike_ewma")]
    return f"1 - {losses[0]} / ({losses[1]} > 0)"


def model_performance() -> Dashboard:
    """Return the dashboard."""
    board = Board(MODEL_UID, "volcast: model performance", "What is forecast for a symbol, and whether it was right.", "6h")
    board.ask(symbol_variable(several=False), window_variable())
    board.mark(drift_annotations(SYMBOL))
    board.row(
        "At a glance",
        number(
            "Volatility forecast, a year",
            "Forecast of the realized volatility of the next horizon, scaled to a year, so that it can be compared with others.",
            of("volcast_volatility_annualized"),
            unit="percentunit",
            decimals=1,
        ),
        number(
            "Skill against EWMA",
            SKILL,
            skill(),
            unit="percentunit",
            decimals=1,
            steps=SKILL_STEPS,
            no_value="no outcome yet",
        ),
        number(
            "Outcomes within the interval",
            "Share of the forecasts that came due whose realized volatility was within the interval. It should be the level that "
            "was asked for: clearly below, intervals are too narrow; clearly above, too wide. Colors are for a level of 90 %.",
            {"covered": mean("volcast_outcome_covered"), "wanted": of("volcast_interval_level")},
            unit="percentunit",
            decimals=0,
            steps=COVERAGE_STEPS,
            span=6,
            no_value="no outcome yet",
        ),
        state(
            "Status",
            "What the API says of the symbol: ok, or why its forecast should not be used as it is. Replayed candles are old, so "
            "the status of a replay is stale.",
            f"max by (status) (volcast_status{{{SYMBOL}}}) == 1",
            span=3,
        ),
        number(
            "Age of the forecast",
            "Seconds since the end of the newest live candle's minute. NoFreshSignal fires above 300.",
            f"min by (symbol) (volcast_age_seconds{{{SYMBOL}}} and on (instance, symbol) volcast_live == 1)",
            unit="s",
            decimals=0,
            steps=((None, GREEN), (120.0, YELLOW), (300.0, RED)),
            span=3,
            no_value="replay",
        ),
        number(
            "Forecaster",
            "Warm: there are enough candles, a day of outcomes was learned from, and not too many candles are missing.",
            of("volcast_warm"),
            unit="none",
            steps=((None, ORANGE), (1.0, GREEN)),
            texts={"0": ("not warm", ORANGE), "1": ("warm", GREEN)},
        ),
    )
    forecasts(board)
    losses(board)
    all_symbols(board)
    board.runbook("Forecast", "Data")
    return board.build()


def forecasts(board: Board) -> None:
    """Add what is forecast, and what came."""
    board.row(
        "Forecast and outcome",
        graph(
            "Forecast of the realized volatility, with its interval",
            "Over the next horizon, not scaled. The realized volatility should leave the interval as rarely as its level says.",
            {
                "lower bound": of("volcast_volatility_lower"),
                "upper bound": of("volcast_volatility_upper"),
                "forecast": of("volcast_volatility"),
                "median": of("volcast_volatility_median"),
            },
            unit="percentunit",
            colors={"forecast": BLUE, "median": GREY, "lower bound": BLUE, "upper bound": BLUE},
            band=("lower bound", "upper bound"),
        ),
        graph(
            "What came, beside what was forecast for it",
            "Each point is a forecast whose horizon has just ended: what was forecast then, what the EWMA would have said, and "
            "what came.",
            {
                "realized": of("volcast_outcome_realized_volatility"),
                "forecast": of("volcast_outcome_volatility"),
                "EWMA": of("volcast_outcome_volatility_ewma"),
            },
            unit="percentunit",
            colors={"realized": ORANGE, "forecast": BLUE, "EWMA": GREY},
        ),
        graph(
            "Price and the bounds of its close after the horizon",
            "The close should be outside the bounds as rarely as the level says.",
            {
                "lower bound": of("volcast_price_lower"),
                "upper bound": of("volcast_price_upper"),
                "close": of("volcast_close"),
                "rolling mean": of("volcast_rolling_mean"),
            },
            unit="none",
            minimum=None,
            colors={"close": BLUE, "rolling mean": GREY, "lower bound": BLUE, "upper bound": BLUE},
            band=("lower bound", "upper bound"),
        ),
        graph(
            "Forecast by horizon",
            "Each horizon's forecast of its realized volatility, not scaled: a longer horizon has a larger one.",
            {"{{horizon_minutes}} min": of("model_prediction_value", by="horizon_minutes")},
            unit="percentunit",
        ),
    )


def losses(board: Board) -> None:
    """Add losses, coverage and the signal."""
    board.row(
        "Was it right?",
        graph(
            "Mean QLIKE loss",
            "Smaller is better; the scale is logarithmic. The champion should stay below the EWMA; a challenger that stays below "
            "the champion for a fortnight is worth a backtest.",
            {
                "champion": mean("volcast_outcome_qlike"),
                "EWMA": mean("volcast_outcome_qlike_ewma"),
                "{{model}} (challenger)": mean("volcast_shadow_qlike", by="model"),
            },
            unit="none",
            span=8,
            minimum=None,
            logarithmic=True,
            colors={"champion": BLUE, "EWMA": GREY},
        ),
        graph(
            "Skill of the other horizons against EWMA",
            SKILL,
            {"{{horizon_minutes}} min": skill("volcast_horizon_outcome", by="horizon_minutes")},
            unit="percentunit",
            span=8,
            minimum=-1.0,
            maximum=1.0,
            limit=0.0,
        ),
        graph(
            "Coverage of the intervals",
            "Share of the outcomes within their interval. It should be the wanted level.",
            {
                "volatility": mean("volcast_outcome_covered"),
                "price": mean("volcast_outcome_price_covered"),
                "wanted": of("volcast_interval_level"),
            },
            unit="percentunit",
            span=8,
            minimum=None,
            maximum=1.0,
            colors={"volatility": BLUE, "price": ORANGE, "wanted": GREY},
        ),
        graph(
            "Signal rate",
            "Share of candles whose close is above the rolling mean: among the newest, and since the start.",
            {"newest": of("volcast_signal_rate_window"), "since the start": of("volcast_signal_rate")},
            unit="percentunit",
            maximum=1.0,
            colors={"newest": BLUE, "since the start": GREY},
        ),
        graph(
            "Noise ratio",
            "Recent volatility by one-minute over that by five-minute returns: above 1 if prices bounce between bid and ask.",
            {"noise ratio": of("volcast_noise_ratio")},
            unit="none",
            colors={"noise ratio": BLUE},
        ),
    )


def all_symbols(board: Board) -> None:
    """Add a table with a line for each symbol."""
    board.row(
        "All symbols",
        rows(
            "Forecast and skill of all symbols",
            "Click on a column to sort by it. " + SKILL,
            {
                "forecast, a year": "max by (symbol) (volcast_volatility_annualized)",
                "skill": skill(matcher="", by="symbol"),
                "covered": "avg by (symbol) (avg_over_time(volcast_outcome_covered[$window]))",
                "warm": "max by (symbol) (volcast_warm)",
                "outcomes": "max by (symbol) (volcast_outcomes)",
            },
            units={
                "forecast, a year": ("percentunit", ((None, BLUE),)),
                "skill": ("percentunit", SKILL_STEPS),
                "covered": ("percentunit", COVERAGE_STEPS),
                "warm": ("bool_yes_no", ((None, ORANGE), (1.0, GREEN))),
                "outcomes": ("short", ((None, BLUE),)),
            },
            order=("symbol", "forecast, a year", "skill", "covered", "warm", "outcomes"),
            height=10,
        ),
    )
