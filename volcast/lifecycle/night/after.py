"""The steps after the comparison: register it with MLflow, let the winner lead, tell of the night."""

from collections.abc import Sequence

from volcast.lifecycle.registry.register import mark_champion, register_winner
from volcast.lifecycle.registry.tracking import RegistryError, connect, log_comparison, tracking_uri
from volcast.lifecycle.registry.training import UnpackagedModelError
from volcast.urls import without_passwords

from .message import text_of, title_of
from .plan import inputs_hash
from .programs import promote_winner, send
from .results import StepResult
from .standings import find_league, publish_league
from .steps import Done, Night, NightError


class Aftermath:
    """The last steps of a night. `log_arguments` name the log of the stream, as arguments of `volcast models`."""

    def __init__(self, night: Night, log_arguments: Sequence[str] = (), *, is_anybody_told: bool = False) -> None:
        self._night, self._log_arguments, self._is_anybody_told = night, tuple(log_arguments), is_anybody_told

    def register(self) -> Done:
        """Log the comparison to MLflow, and register its winner. Raises NightError without a comparison, RegistryError."""
        night, compare = self._night, self._compare()
        uri = tracking_uri()
        inputs = inputs_hash("register", compare.details["sha256"], without_passwords(uri))
        if (known := night.results.find("register", inputs)) is not None:
            return Done(known, is_new=False)
        comparison = night.comparison(compare)
        files = {name.rpartition("/")[2]: night.results.read(name) for name in compare.details["reports"]}
        files["comparison.json"] = night.results.read(compare.details["comparison"])
        gate = night.find_gate()
        files |= {name.rpartition("/")[2]: night.results.read(name) for name in (gate.details["reports"] if gate else [])}
        tracker = connect(uri)
        state = night.archive.state
        origin = {"volcast.archive": night.archive.store.root, "volcast.archive.commit": str(state.number)}
        origin["volcast.archive.head"] = state.sha256
        run = log_comparison(tracker, comparison, files | dict(night.pictures(comparison)), origin)
        details: dict[str, str] = {"run_id": run.run_id}
        summary = f"The comparison is MLflow's run {run.run_id}."
        if comparison.winner is not None:
            try:
                version = register_winner(tracker, run.run_id, comparison, night.window.candles, prior=night.plan.prior)
            except UnpackagedModelError as error:
                summary += f" Its winner is not registered: {error}."
            else:
                details["version"] = version.number
                summary += f" {comparison.winner} is version {version.number} of the registered model."
        kept = night.results.keep(StepResult("register", inputs, passed=True, summary=summary, details=details))
        return Done(kept, is_new=True)

    def promote(self) -> Done | None:
        """Let the winner lead; None if there is no winner. Raises NightError without a comparison, NightProgramError."""
        night, compare = self._night, self._compare()
        winner = compare.details["winner"]
        if winner is None:
            return None
        inputs = self._promote_inputs(compare)
        if (known := night.results.find("promote", inputs)) is not None:
            return Done(known, is_new=False)
        evidence = night.results.read(compare.details["comparison"])
        known = self._find_register(compare)
        run_id = known.details["run_id"] if known else None
        promotion = promote_winner(winner, evidence, compare.details["sha256"], self._log_arguments, run_id)
        details = {"model": winner, "id": promotion["id"], "from": promotion["from"]}
        summary = f"{winner} leads from the candle of {promotion['from']} on: promotion {promotion['id']}."
        if (warning := self._mark_champion(known, promotion["id"])) is not None:
            summary += f" {warning}"
        kept = night.results.keep(StepResult("promote", inputs, passed=True, summary=summary, details=details))
        return Done(kept, is_new=True)

    def league(self) -> Done | None:
        """Publish the league of models up to the day; None if nothing has come due. Raises StoreError."""
        return publish_league(self._night)

    def notify(self) -> Done | None:
        """Tell of the night and its league, once for the same results; None if nobody is to be told. Raises NightProgramError."""
        if not self._is_anybody_told:
            return None
        self.league()
        night, results = self._night, self.known()
        inputs = inputs_hash("notify", [(name, each.inputs, each.passed) for name, each in results.items()])
        if (known := night.results.find("notify", inputs)) is not None:
            return Done(known, is_new=False)
        title = title_of(night.plan.day, results)
        send(title, text_of(results))
        kept = night.results.keep(StepResult("notify", inputs, passed=True, summary=f"Told: {title}"))
        return Done(kept, is_new=True)

    def known(self) -> dict[str, StepResult]:
        """Return the results that there are, by step."""
        night = self._night
        found = {"gate": night.find_gate(), "compare": self._find_compare()}
        compare = found["compare"]
        if compare is not None:
            found["register"] = self._find_register(compare)
            found["promote"] = night.results.find("promote", self._promote_inputs(compare))
        found["league"] = find_league(night)
        return {name: each for name, each in found.items() if each is not None}

    def _compare(self) -> StepResult:
        if (found := self._find_compare()) is None:
            raise NightError(f"the comparison of {self._night.plan.day} has not been made")
        return found

    def _find_compare(self) -> StepResult | None:
        return self._night.find_compare()

    def _promote_inputs(self, compare: StepResult) -> str:
        return inputs_hash("promote", compare.details["sha256"], compare.details["winner"], self._log_arguments)

    def _find_register(self, compare: StepResult) -> StepResult | None:
        inputs = inputs_hash("register", compare.details["sha256"], without_passwords(tracking_uri()))
        return self._night.results.find("register", inputs)

    def _mark_champion(self, known: StepResult | None, promotion: str) -> str | None:
        """Let MLflow's alias follow. It is only a mirror of the log, so an error is told and stops nothing."""
        if known is None or "version" not in known.details:
            return None
        try:
            mark_champion(connect(tracking_uri()), known.details["version"], promotion)
        except RegistryError as error:
            return f"MLflow's alias could not follow: {error}."
        return None
