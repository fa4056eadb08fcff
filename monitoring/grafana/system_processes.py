"""The part of the system's dashboard about what readers get, about the archive, and about the processes themselves."""

from .board import Board
from .panels import BLUE, graph, rows

REQUESTS = 'route!~"/health|/ready|/metrics"'
"""What probes ask does not count: a 503 of /ready is an answer, not an error."""
OURS = 'job=~"volcast.*"'
WINDOW = "5m"
"""Over it the pipeline is measured: live candles come once a minute, so that a shorter one would often be empty."""


def quantile(share: float, histogram: str, by: str = "le") -> str:
    """Return a quantile of a histogram over the last minutes."""
    return f"histogram_quantile({share}, sum by ({by}) (rate({histogram}_bucket[{WINDOW}])))"


def api(board: Board) -> None:
    """Add what readers get."""
    board.row(
        "API",
        graph(
            "Requests per second, by status",
            "Without those of probes: /health, /ready and /metrics.",
            {"{{status}}": f"sum by (status) (rate(http_requests_total{{{REQUESTS}}}[$__rate_interval]))"},
            unit="reqps",
            span=8,
            stacked=True,
        ),
        graph(
            "Time of a request, 95 %, eight slowest routes",
            "From the request to the end of its answer. Streams last as long as their reader wants, and are not in it.",
            {"{{route}}": f"topk(8, {quantile(0.95, 'volcast_http_request_seconds', 'le, route')})"},
            unit="s",
            span=8,
        ),
        graph(
            "Signals read per second",
            "What the API reads from the log. Unreadable: the consumer is newer than the API, or something else writes there.",
            {
                "signals": f"sum(rate(volcast_api_signals_total[{WINDOW}]))",
                "unreadable": f"sum(rate(volcast_api_unreadable_signals_total[{WINDOW}]))",
            },
            unit="cps",
            span=8,
        ),
    )


def archive(board: Board) -> None:
    """Add the archiver."""
    board.row(
        "Archive: the archiver",
        graph(
            "How far the archive is behind",
            "Time since all that had been read from the log was archived. ArchiveBehind fires above 900 s.",
            {"{{instance}}": "max by (instance) (volcast_archive_behind_seconds)"},
            unit="s",
            span=8,
            limit=900.0,
        ),
        graph(
            "Records archived per second",
            "By topic of the log. ArchiveStopped fires if candles are processed, and none is archived for an hour.",
            {"{{topic}}": f"sum by (topic) (rate(volcast_archive_records_total[{WINDOW}]))"},
            unit="cps",
            span=8,
            stacked=True,
        ),
        graph(
            "Commits and troubles within 15 minutes",
            "Failures: attempts that log or store have not answered, or refused. Overtaken: another archiver was first. Lost: "
            "records that left the log before they were archived.",
            {
                "commits": "sum(increase(volcast_archive_commits_total[15m]))",
                "failures": "sum(increase(volcast_archive_failures_total[15m]))",
                "overtaken": "sum(increase(volcast_archive_overtaken_total[15m]))",
                "lost offsets": "sum(increase(volcast_archive_lost_offsets_total[15m]))",
            },
            unit="short",
            span=8,
        ),
    )


def processes(board: Board) -> None:
    """Add memory, processor, disk, versions and notifications."""
    board.row(
        "Processes",
        graph(
            "Processor",
            "Cores in use. A process uses one core at most, so 1 is its limit.",
            {"{{job}} {{instance}}": f"rate(process_cpu_seconds_total{{{OURS}}}[$__rate_interval])"},
            unit="percentunit",
            span=6,
        ),
        graph(
            "Memory",
            "Resident memory. It is flat in the long run.",
            {"{{job}} {{instance}}": f"process_resident_memory_bytes{{{OURS}}}"},
            unit="bytes",
            span=6,
        ),
        graph(
            "Free disk of the SQLite log",
            "Share of the file system. DiskFull fires below 5 %. On Kafka there is none: its brokers have their own alerts.",
            {"{{instance}}": "volcast_disk_free_bytes / volcast_disk_size_bytes"},
            unit="percentunit",
            span=6,
            maximum=1.0,
        ),
        graph(
            "Size of the SQLite log",
            "The file, and the commits beside it. It grows by 3.1 kB a candle unless retention_hours or retention_bytes is set.",
            {"{{instance}}": "volcast_log_file_bytes"},
            unit="bytes",
            span=6,
        ),
        rows(
            "What runs",
            "Versions, and since when. Different versions at the same time: an upgrade that is not over.",
            {
                "started": f"1000 * process_start_time_seconds{{{OURS}}}"
                " * on (instance, job) group_left (version) volcast_build_info",
            },
            units={"started": ("dateTimeAsIso", ((None, BLUE),))},
            order=("job", "instance", "version", "started"),
            span=14,
        ),
        graph(
            "Notifications within 15 minutes",
            "Of volcast run with --notify. Failures are tried again; dropped ones are lost.",
            {
                "sent": "sum(increase(volcast_notifications_sent_total[15m]))",
                "failures": "sum(increase(volcast_notifications_failures_total[15m]))",
                "dropped": "sum(increase(volcast_notifications_dropped_total[15m]))",
            },
            unit="short",
            span=10,
        ),
    )
