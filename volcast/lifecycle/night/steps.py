"""The steps of a night. Each looks for its result in the archive first, and computes it only if there is none for its inputs."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from volcast.candle_files.timestamps import format_open_time
from volcast.lifecycle.archive.read import Archive
from volcast.lifecycle.comparison.charts import charts, png
from volcast.lifecycle.comparison.compared import compared
from volcast.lifecycle.comparison.markdown import comparison_markdown
from volcast.lifecycle.comparison.outcomes import read_outcomes
from volcast.lifecycle.comparison.page import comparison_page
from volcast.lifecycle.comparison.result import LifecycleComparison, decode_comparison, encode_comparison
from volcast.lifecycle.comparison.run import BacktestOrder, cores, run_backtest_of
from volcast.lifecycle.comparison.versions import forecast_inputs, used_versions
from volcast.lifecycle.comparison.window import ArchiveWindow, read_window, write_window
from volcast.lifecycle.quality.facts import count_facts, frame_hash, interval_ms, utc_day
from volcast.lifecycle.quality.frames import archive_frame
from volcast.lifecycle.quality.gate import judge_data
from volcast.lifecycle.quality.report import GateReport, gate_json, gate_markdown, gate_page
from volcast.lifecycle.wording import with_noun

from .plan import NightPlan, inputs_hash
from .results import NightResults, StepResult

if TYPE_CHECKING:
    import polars as pl

_MINUTE_MS = 60_000
_DEAD_AFTER_MS = 15 * _MINUTE_MS
"""A symbol without a candle for so long after the interval, while others have some, is not waited for."""


class NightError(Exception):
    """A step cannot be done: one sentence for the user."""


class Done(NamedTuple):
    """A step's result, and whether it was computed now."""

    result: StepResult
    is_new: bool


class Night:
    """The steps of one night up to the comparison; `after.py` has those that tell others of it."""

    def __init__(self, plan: NightPlan, archive: Archive) -> None:
        self.plan, self.archive = plan, archive
        self.results = NightResults(archive.store, plan.day)

    @cached_property
    def window(self) -> ArchiveWindow:
        """The candles that models are compared on. Raises EmptyWindowError."""
        return read_window(self.archive, self.plan.day, self.plan.days, self.plan.warmup_days)

    @cached_property
    def champion(self) -> str:
        """The model that leads at the end of the day. Raises NightError if it leads only some symbols."""
        import polars as pl  # noqa: PLC0415  # slow to import

        if self.plan.champion is not None:
            return self.plan.champion
        signals = self.archive.scan("signals", None, self.plan.day, self.plan.day).select("symbol", "open_time", "model")
        last = signals.sort("open_time").group_by("symbol").last().collect()
        leaders: list[str] = sorted(set(last.filter(pl.col("model").is_not_null())["model"]))
        if not leaders:
            return self.plan.configured
        if len(leaders) > 1:
            raise NightError(f"{' and '.join(leaders)} lead different symbols; name one by --champion")
        if "@" in leaders[0]:
            raise NightError(f"{leaders[0]}, which leads, is a model of your own: name its file by --champion FILE.py:CLASS")
        return leaders[0]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are compared, the champion first."""
        others = (self.plan.configured, *self.plan.challengers)
        return tuple(dict.fromkeys((self.champion, *others)))

    def is_archived(self) -> bool:
        """Return whether the archive has all that will come of the day."""
        import polars as pl  # noqa: PLC0415  # as above

        begin, end = interval_ms(self.plan.day)
        rows = self.archive.scan("candles", None, self.plan.day).filter(pl.col("kind") == "candle")
        time_ms = pl.col("open_time").dt.timestamp("ms")
        last = rows.filter(time_ms >= begin).group_by("symbol").agg(time_ms.max().alias("last")).collect()["last"].to_list()
        if not last:
            return False
        reached = max(last) >= end + _DEAD_AFTER_MS
        return reached or all(each >= end - _MINUTE_MS for each in last)

    def gate(self) -> Done:
        """Judge the data of the day, and publish the report, also of data that fail."""
        plan, inputs = self.plan, self._gate_inputs
        if (known := self.results.find("gate", inputs)) is not None:
            return Done(known, is_new=False)
        frame, refused = self._day
        facts = count_facts(frame, plan.day, refused)
        verdict = judge_data(facts, plan.thresholds, plan.expected)
        report = GateReport(verdict, facts)
        contents = {".html": gate_page(report).encode(), ".md": gate_markdown(report).encode(), ".json": gate_json(report)}
        names = [self.results.publish("gate", ending, inputs, content) for ending, content in contents.items()]
        details = {"reports": names, "failures": verdict.failures, "data_hash": facts.data_hash}
        return Done(self.results.keep(StepResult("gate", inputs, verdict.passed, verdict.summary, details)), is_new=True)

    def backtests(self, models: Sequence[str], processes: int | None = None) -> list[Done]:
        """Backtest models on the window, and keep their scored outcomes. Raises BacktestFailedError."""
        found = {model: self.results.find("backtest", self._backtest_inputs(model)) for model in models}
        lacking = [model for model, known in found.items() if known is None]
        done = {model: Done(known, is_new=False) for model, known in found.items() if known is not None}
        if lacking:
            at_once = processes or cores()
            with self._order(max(1, at_once // len(lacking))) as (order, folder), ThreadPoolExecutor(at_once) as pool:
                paths = {model: folder / f"outcomes-{number}.parquet" for number, model in enumerate(lacking)}
                begun = [pool.submit(run_backtest_of, order, model, path) for model, path in paths.items()]
                for each in begun:
                    each.result()
                done |= {model: self._keep_backtest(model, path) for model, path in paths.items()}
        return [done[model] for model in models]

    def compare(self) -> Done:
        """Judge the challengers by the outcomes of all backtests, and publish the comparison.

        Raises NightError if the gate or a backtest has not been run, or if the gate has failed; OutcomesError.
        """
        gate = self.find_gate()
        if gate is None or not gate.passed:
            why = "has not been run" if gate is None else f"has failed: {gate.summary}"
            raise NightError(f"the gate of {self.plan.day} {why}")
        backtests = self._find_backtests()
        if lacking := [model for model in self.models if model not in backtests]:
            raise NightError(f"the backtest of {', '.join(lacking)} has not been run for these candles and settings")
        inputs = self._compare_inputs(backtests, gate)
        if (known := self.results.find("compare", inputs)) is not None:
            return Done(known, is_new=False)
        result = self._compared([each.details["outcomes"] for each in backtests.values()])
        content = encode_comparison(result)
        reports = [
            self.results.publish("comparison", ".html", inputs, comparison_page(result).encode()),
            self.results.publish("comparison", ".md", inputs, comparison_markdown(result).encode()),
        ]
        name = self.results.publish("comparison", ".json", inputs, content)
        details = {
            "comparison": name,
            "sha256": sha256(content).hexdigest(),
            "reports": reports,
            "champion": result.champion,
            "winner": result.winner,
            "losers": {each.model: result.reason_of(each) for each in result.losers},
        }
        kept = self.results.keep(StepResult("compare", inputs, passed=True, summary=result.summary, details=details))
        return Done(kept, is_new=True)

    def find_compare(self) -> StepResult | None:
        """Return the comparison's result for the candles, models and rule of now; None if there is none."""
        gate, backtests = self.find_gate(), self._find_backtests()
        if gate is None or len(backtests) < len(self.models):
            return None
        return self.results.find("compare", self._compare_inputs(backtests, gate))

    def _find_backtests(self) -> dict[str, StepResult]:
        found = {model: self.results.find("backtest", self._backtest_inputs(model)) for model in self.models}
        return {model: known for model, known in found.items() if known is not None}

    def _compare_inputs(self, backtests: Mapping[str, StepResult], gate: StepResult) -> str:
        hashes = [each.details["sha256"] for each in backtests.values()]
        return inputs_hash("compare", hashes, self.models, self.plan.rule, gate.inputs, self._left_out_days)

    @cached_property
    def _left_out_days(self) -> list[str]:
        """The days of the window whose data have failed the gate."""
        return self.results.failed_days(utc_day(self.window.score_from_ms))

    def find_gate(self) -> StepResult | None:
        """Return the gate's result for the candles and thresholds of now; None if there is none."""
        return self.results.find("gate", self._gate_inputs)

    def comparison(self, compare: StepResult) -> LifecycleComparison:
        """Return the comparison of a step's result."""
        return decode_comparison(self.results.read(compare.details["comparison"]))

    def pictures(self, comparison: LifecycleComparison) -> Iterator[tuple[str, bytes]]:
        """Yield the plots of a comparison as PNG files."""
        for chart in charts(comparison):
            yield f"plots/{chart.name}.png", png(chart)

    @cached_property
    def _day(self) -> "tuple[pl.DataFrame, dict[str, int]]":
        """What the gate looks at: the candles of the day and of the month before it, and how many were refused."""
        return archive_frame(self.archive, self.plan.day)

    @cached_property
    def _gate_inputs(self) -> str:
        frame, refused = self._day
        return inputs_hash("gate", frame_hash(frame), refused, self.plan.thresholds, self.plan.expected)

    def _compared(self, names: Sequence[str]) -> LifecycleComparison:
        found: dict[str, pl.DataFrame] = {}
        leader = ""
        with TemporaryDirectory(prefix="volcast-night-") as folder:
            for number, name in enumerate(names):
                path = Path(folder, f"{number}.parquet")
                path.write_bytes(self.results.read(name))
                by_model = read_outcomes(path)
                leader = leader or next(iter(by_model), self.champion)  # the champion is the first
                found |= by_model
        plan = self.plan
        return compared(
            found,
            leader,
            plan.rule,
            level=plan.level,
            interval=plan.day,
            horizon_minutes=plan.horizon_minutes,
            data_hash=self.window.data_hash,
            left_out_days=self._left_out_days,
            versions=used_versions(),
        )

    def _backtest_inputs(self, model: str) -> str:
        window = self.window
        times = (window.score_from_ms, window.end_ms)
        return inputs_hash("backtest", model, window.data_hash, times, self.plan.backtest_arguments, forecast_inputs())

    @contextmanager
    def _order(self, workers: int) -> Iterator[tuple[BacktestOrder, Path]]:
        """Give what all backtests of the window have in common, with its candles in files."""
        with TemporaryDirectory(prefix="volcast-night-") as folder:
            files = write_window(self.window, Path(folder))
            symbols = [word for symbol, _ in files for word in ("--symbol", symbol)]
            begin = ["--from", format_open_time(self.window.score_from_ms)]
            arguments = (*self.plan.backtest_arguments, *symbols, *begin)
            yield BacktestOrder(tuple(path for _, path in files), arguments, workers), Path(folder)

    def _keep_backtest(self, model: str, path: Path) -> Done:
        inputs = self._backtest_inputs(model)
        name = self.results.keep_outcomes(inputs, path.read_bytes())
        content = self.results.read(name)
        details = {"outcomes": name, "sha256": sha256(content).hexdigest(), "data_hash": self.window.data_hash}
        count = len(self.window.symbols)
        summary = f"{model} was backtested on {with_noun(count, 'symbol')} up to {self.plan.day}."
        return Done(
            self.results.keep(StepResult("backtest", inputs, passed=True, summary=summary, details=details, model=model)),
            is_new=True,
        )
