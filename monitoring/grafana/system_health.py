"""The dashboard of the system: whether candles come in, signals go out, and readers get them in time."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from .board import SYSTEM_UID, Board
from .panels import GREEN, ORANGE, RED, YELLOW, graph, number
from .system_processes import OURS, REQUESTS, WINDOW, api, archive, processes, quantile


def quantiles(histogram: str) -> dict[str, str]:
    """Return the quantiles that tell the usual case, the bad one and the worst."""
    return {f"{share:.0%}": quantile(share, histogram) for share in (0.5, 0.95, 0.99)}


def firing(severity: str) -> str:
    """Return the number of alerts of a severity that fire."""
    return f'count(ALERTS{{alertstate="firing",severity="{severity}"}}) or vector(0)'


def rise(metric: str, by: str, window: str = "15m") -> str:
    """Return by how much counters rose."""
    return f"sum by ({by}) (increase({metric}[{window}]))"


def system_health() -> Dashboard:
    """Return the dashboard."""
    board = Board(SYSTEM_UID, "volcast: system health", "Whether candles come in, and forecasts go out in time.", "1h")
    at_a_glance(board)
    feed(board)
    pipeline(board)
    api(board)
    archive(board)
    processes(board)
    board.runbook("Feed", "Pipeline", "API", "Archive", "System")
    return board.build()


def at_a_glance(board: Board) -> None:
    """Add what tells whether all is well."""
    board.row(
        "At a glance",
        number(
            "Processes down",
            "Processes that Prometheus has reached within a day and does not reach now. TargetDown fires after 2 minutes.",
            f"count(up{{{OURS}}} == 0 and max_over_time(up{{{OURS}}}[1d]) == 1) or vector(0)",
            unit="none",
            steps=((None, GREEN), (1.0, RED)),
            span=3,
        ),
        number(
            "Pages",
            "Alerts that fire and need somebody now. The list is under Alerting, and in Alertmanager.",
            firing("page"),
            unit="none",
            steps=((None, GREEN), (1.0, RED)),
            span=3,
        ),
        number(
            "Tickets",
            "Alerts that fire and can wait for a day.",
            firing("ticket"),
            unit="none",
            steps=((None, GREEN), (1.0, ORANGE)),
            span=3,
        ),
        number(
            "Oldest live candle",
            "Of all symbols that are streamed: seconds since the last written candle closed. NoFreshCandle fires above 300.",
            "max(volcast_live_candle_age_seconds)",
            unit="s",
            decimals=0,
            steps=((None, GREEN), (120.0, YELLOW), (300.0, RED)),
            span=3,
            no_value="no live feed",
        ),
        number(
            "Event-time lag",
            "Seconds by which the newest processed live candle is behind now. EventTimeLag fires above 300; a replay has none.",
            "max(volcast_consumer_live_lag_seconds)",
            unit="s",
            decimals=0,
            steps=((None, GREEN), (120.0, YELLOW), (300.0, RED)),
            span=3,
            no_value="no live feed",
        ),
        number(
            "API errors",
            "Share of the requests within 5 minutes that ended with a status of 500 or above. ApiErrors fires above 5 %.",
            f'(sum(rate(http_requests_total{{status=~"5..",{REQUESTS}}}[5m])) or vector(0))'
            f" / sum(rate(http_requests_total{{{REQUESTS}}}[5m]))",
            unit="percentunit",
            decimals=1,
            steps=((None, GREEN), (0.01, YELLOW), (0.05, RED)),
            span=3,
            no_value="no requests",
        ),
        number(
            "Forecast latency, 95 %",
            "From the reading of a candle to the commit of its signal, for 95 %. PredictionLatencyHigh fires above 0.5 s.",
            quantile(0.95, "prediction_latency_seconds"),
            unit="s",
            steps=((None, GREEN), (0.25, YELLOW), (0.5, RED)),
            span=3,
            no_value="no candles",
        ),
        number(
            "Close to signal, 95 %",
            "From the end of a live minute to the commit of its signal: what a trader waits for, the venue's delay included.",
            quantile(0.95, "volcast_consumer_close_to_signal_seconds"),
            unit="s",
            steps=((None, GREEN), (5.0, YELLOW), (30.0, RED)),
            span=3,
            no_value="no live feed",
        ),
    )


def feed(board: Board) -> None:
    """Add the live producer."""
    board.row(
        "Feed: the live producer",
        graph(
            "Age of the newest candle, ten oldest symbols",
            "A saw from about 0 to 60 s is right. It grows without an end when candles stop.",
            {"{{symbol}}": "topk(10, max by (symbol) (volcast_live_candle_age_seconds))"},
            unit="s",
            span=8,
            limit=300.0,
        ),
        graph(
            "Connections, and attempts within 15 minutes",
            "Open connections by venue, and how attempts to connect ended. Many attempts: a connection that does not hold.",
            {
                "{{venue}}: open": "sum by (venue) (volcast_live_connections)",
                "{{venue}}: {{outcome}}": rise("volcast_live_connects_total", "venue, outcome"),
            },
            unit="short",
            span=8,
        ),
        graph(
            "Requests within 15 minutes, by how they ended",
            "Requests over HTTP for candles that the stream did not bring.",
            {"{{venue}}: {{outcome}}": rise("volcast_live_requests_total", "venue, outcome")},
            unit="short",
            span=8,
        ),
        graph(
            "Delay of frames",
            "Seconds from the venue's sending of a frame to its receipt, clock skew removed, for 50 %, 95 % and 99 % of frames.",
            quantiles("volcast_live_receive_seconds"),
            unit="s",
            span=8,
        ),
        graph(
            "Clock skew",
            "The venue's clock minus this machine's. ClockWrong fires when it is surely above 5 s.",
            {"{{venue}}": "max by (venue) (volcast_live_clock_skew_seconds)"},
            unit="s",
            span=8,
            minimum=None,
        ),
        graph(
            "Waiting and lost",
            "Records that wait for the log, candles that wait behind a gap, and candles lost for good within an hour. All "
            "should be 0 most of the time.",
            {
                "wait for the log": "sum(volcast_live_outbox_records)",
                "wait behind a gap": "sum(volcast_live_waiting_candles)",
                "lost within an hour": "sum(increase(volcast_live_missing_candles_total[1h]))",
            },
            unit="short",
            span=8,
        ),
    )


def pipeline(board: Board) -> None:
    """Add the consumer."""
    board.row(
        "Pipeline: the consumer",
        graph(
            "Candle records per second",
            "By verdict. Duplicates are usual after a restart of the producer; late candles are not.",
            {"{{verdict}}": f"sum by (verdict) (rate(volcast_consumer_candles_total[{WINDOW}]))"},
            unit="cps",
            span=8,
            stacked=True,
        ),
        graph(
            "Forecast latency",
            "From the reading of a candle to the commit of its signal, for 50 %, 95 % and 99 % of signals.",
            quantiles("prediction_latency_seconds"),
            unit="s",
            span=8,
            limit=0.5,
        ),
        graph(
            "Duration of commits",
            "For 50 %, 95 % and 99 % of commits. Slow commits: the log's disk, or the broker.",
            quantiles("volcast_consumer_commit_seconds"),
            unit="s",
            span=8,
        ),
        graph(
            "Lag and standstill",
            "Event-time lag of live candles, and for how long candles have arrived in a partition while none was processed.",
            {
                "lag of partition {{partition}}": "topk(5, max by (partition) (volcast_consumer_live_lag_seconds))",
                "partition {{partition}} stands still": "topk(5, max by (partition) (volcast_consumer_standstill_seconds))",
                "loop idle": "max(volcast_consumer_idle_seconds)",
            },
            unit="s",
            span=8,
        ),
        graph(
            "Restore of the least restored partitions",
            "Share of the log that was read again after a start. Until it is 1, the partition has no signals.",
            {"partition {{partition}}": "bottomk(5, min by (partition) (volcast_consumer_restored_ratio))"},
            unit="percentunit",
            span=8,
            maximum=1.0,
        ),
        graph(
            "Troubles within 15 minutes",
            "Failed commits, take-overs by another consumer, restores, and states rebuilt from the log. All are repaired by "
            "themselves; many are a sign.",
            {
                "failed commits": "sum(increase(volcast_consumer_failed_commits_total[15m]))",
                "fencings": "sum(increase(volcast_consumer_fencings_total[15m]))",
                "restores": "sum(increase(volcast_consumer_restores_total[15m]))",
                "rebuilds": "sum(increase(volcast_consumer_rebuilds_total[15m]))",
            },
            unit="short",
            span=8,
        ),
    )
