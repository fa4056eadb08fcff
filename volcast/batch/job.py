"""The batch job from its first line of the log to its last but one: configuration, data, signals, metrics."""

from collections.abc import Callable

from volcast.atomic_file import OutputFileError
from volcast.candle_files.contract import CandleFileError, FileFormat, FileOptions, MissingColumnError

from .closes import count_signals
from .config import JobConfig, known_version, read_config
from .count import SignalsOfFile
from .result import BatchError, JobFiles, JobMetrics
from .run_log import RunLog


def run_job(files: JobFiles, options: FileOptions, run_log: RunLog, clock_s: Callable[[], float]) -> JobMetrics:
    """Do the job and return its metrics, which are not written yet.

    Raises BatchError, with the version of the configuration if that can be read.

    Args:
        files: The files to read, and the log to append to.
        options: What the user says about the data file.
        run_log: The log, not opened yet.
        clock_s: A monotonic clock, in seconds.
    """
    try:
        return _run(files, options, run_log, clock_s)
    except MissingColumnError as error:
        run_log.error(str(error))
        problem = f"Missing required column: {error.role!r}"
    except MemoryError:
        problem = f"The memory is not enough for {files.data}."
    except (BatchError, CandleFileError, OutputFileError) as error:
        problem = str(error)
    raise BatchError(problem, known_version(files.config))


def _run(files: JobFiles, options: FileOptions, run_log: RunLog, clock_s: Callable[[], float]) -> JobMetrics:
    began_s = clock_s()
    if files.log is not None:
        run_log.open(files.log)
    run_log.info(f"start: data {files.data}, configuration {files.config}, output {files.output}")
    config, warnings = read_config(files.config)
    run_log.info(f"configuration: seed {config.seed}, window {config.window}, version {config.version}, warmup {config.warmup}")
    for warning in warnings:
        run_log.warning(warning)
    found = count_signals(files.data, config.window, options)
    run_log.info(f"data: {_described(found.layout)}, SHA-256 {found.sha256}")
    for warning in found.warnings:
        run_log.warning(f"{files.data}: {warning}")
    if found.newest_first:
        run_log.info("the file begins with its newest row; the rows were put in the order of time")
    run_log.info(f"rows loaded: {found.rows}")
    metrics = _metrics(files, config, found)
    without = config.window - 1
    rule = "count as 0" if config.warmup == "zero" else "do not count"
    run_log.info(f"rolling mean of {config.window} closes: {found.rows - without} rows have one, {without} have none and {rule}")
    run_log.info(f"signal: {metrics.ones} of {metrics.counted} rows are 1, as their close lies above the mean")
    run_log.info(f"metrics: signal_rate {metrics.value}, exactly {metrics.ones}/{metrics.counted}")
    return metrics._replace(latency_ms=round((clock_s() - began_s) * 1_000))


def _metrics(files: JobFiles, config: JobConfig, found: SignalsOfFile) -> JobMetrics:
    if not found.rows:
        raise BatchError(f"{files.data} has no rows; a row with a close for each candle is expected.")
    if config.window > found.rows:
        has = "1 row" if found.rows == 1 else f"{found.rows} rows"
        raise BatchError(f"The window of {config.window} closes is larger than {files.data}, which has {has}.")
    counted = found.rows if config.warmup == "zero" else found.rows - config.window + 1
    return JobMetrics(config.version, config.seed, found.rows, found.ones, counted, 0, found.sha256)


def _described(layout: FileFormat) -> str:
    packed = "" if layout.packing == "plain" else f", {layout.packing}"
    return f"{layout.container}{packed}, {layout.kind}, closes in column {layout.name_of('close')}"
