"""What an audit finds: problems, each with its place, and counts of what was verified and of what could not be. Pure."""

from msgspec import Struct, field

MAX_KEPT_PROBLEMS = 1_000
"""An audit keeps so many problems, and counts those beyond."""


class AuditProblem(Struct, frozen=True):
    """Something that is not as it was written, or does not agree with something else."""

    what: str
    """A sentence without its place."""
    commit: int | None = None
    file: str = ""
    """The name of an object below the archive's root."""
    row: str = ""
    """Where in the file: partition and offset of the record, or the number of the row."""

    def __str__(self) -> str:
        commit = f"commit {self.commit}" if self.commit is not None else ""
        return f"{', '.join(filter(None, (commit, self.file, self.row)))}: {self.what}"


class SealedForecasts(Struct):
    """Forecasts by when they were sealed."""

    in_time: int = 0
    """By the store's clock before the end of their horizon: nobody knew the outcome yet."""
    late: int = 0
    """Afterwards, as those of a replay are: they prove nothing."""
    early: int = 0
    """Before their candle was over, so that it was not a market's: invented candles have any time, or the clock is wrong."""
    unsealed: int = 0
    """Not sealed at all."""
    unverifiable: int = 0
    """Sealed together with records that retention has deleted, so that the seal can't be verified any more."""


class CheckedScores(Struct):
    """Outcomes by whether they could be computed again."""

    confirmed: int = 0
    """The realized volatility follows from the closes, the forecast is the published one, and the loss follows from both."""
    incomplete: int = 0
    """The forecast or a close within the horizon is not in the archive, or not among the days of the audit."""
    suspect: int = 0
    """A close within the horizon was suspect, so that the pipeline did not take it as it is."""
    rebuilt: int = 0
    """The state was rebuilt between forecast and outcome: the forecast that was scored is one of the new state."""


class AuditReport(Struct):
    """The result of an audit. An archive passes if there is no problem."""

    root: str
    commits: int = 0
    head_number: int = 0
    head: str = ""
    """The SHA-256 of the last commit: whoever keeps it elsewhere can tell later whether anything up to here was changed."""
    from_day: str = ""
    to_day: str = ""
    """The days that were verified, both included; empty for no limit."""
    files: int = 0
    """Data files whose bytes are those that were committed."""
    rows: int = 0
    """Rows whose columns are what their records say."""
    seals: int = 0
    seals_expired: int = 0
    """Seals of which records have been deleted by retention, so that they can't be verified any more."""
    checkpoints: int = 0
    lost_ranges: int = 0
    """Ranges of offsets that the log had deleted before they were archived, as commits say."""
    forecasts: SealedForecasts = field(default_factory=SealedForecasts)
    days: dict[str, SealedForecasts] = field(default_factory=dict)
    """The same by the day of the forecast."""
    scores: CheckedScores = field(default_factory=CheckedScores)
    candles_missing: int = 0
    """Signals whose candle is not in the archive, so that their prices could not be compared."""
    anchors: dict[str, int] = field(default_factory=dict)
    """The hashes that were asked for, each with the number of its commit."""
    problems: list[AuditProblem] = field(default_factory=list)
    more_problems: int = 0
    """Problems that were found and not kept."""

    @property
    def passed(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def add(self, problem: AuditProblem) -> None:
        """Add a problem; beyond `MAX_KEPT_PROBLEMS` they are only counted."""
        if len(self.problems) < MAX_KEPT_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more_problems += 1

    def covers(self, day: str) -> bool:
        """Return whether the audit is about this day, among others."""
        return self.from_day <= day and (not self.to_day or day <= self.to_day)

    def day(self, day: str) -> SealedForecasts:
        """Return the counts of a day."""
        return self.days.setdefault(day, SealedForecasts())
