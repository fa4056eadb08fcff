"""What the DAGs call `volcast` by: an operator, a sensor, and what happens when a run is late. Nothing of volcast is imported.

The program is $VOLCAST, by default `volcast` on the PATH. It runs in a Python environment of its own, with its settings from its
own environment variables. Its exit codes decide: 0 done; 99 nothing to do, which skips the task; all others failed. What the same
call would say again (2, wrong usage; for a step of the night also 1, a gate that has failed or a comparison that is refused) is
not tried again.
"""

import asyncio
import os
import shlex
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import AsyncCallback, BaseOperator, BaseSensorOperator, DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

WRONG_USAGE, NOTHING_TO_DO = 2, 99
ARCHIVE = "{{ var.value.get('volcast_archive', 's3://volcast/archive') }}"
"""The root of the archive: the Airflow variable `volcast_archive`."""


class VolcastOperator(BaseOperator):
    """Run `volcast` with `arguments` and `further` ones; its last line is the task's result.

    Exit codes in `final` are not tried again.
    """

    template_fields = ("arguments",)

    def __init__(
        self, *, arguments: Sequence[str], further: Sequence[str] = (), final: Sequence[int] = (WRONG_USAGE,), **others: Any
    ) -> None:
        super().__init__(**others)
        self.arguments = arguments
        self.further = further
        self.final = final
        self.hook = SubprocessHook()

    def execute(self, context: Any) -> str:  # noqa: ARG002  # Airflow gives it
        """Run it. Raises AirflowSkipException, AirflowFailException or AirflowException, as the exit code says."""
        result = self.hook.run_command(command([*self.arguments, *self.further]))
        if result.exit_code == NOTHING_TO_DO:
            raise AirflowSkipException(result.output or "there is nothing to do")
        check(result.exit_code, result.output, self.final)
        return str(result.output)

    def on_kill(self) -> None:
        """End the program and its processes when the task's time is up, or when it is cleared."""
        self.hook.send_sigterm()


class VolcastSensor(BaseSensorOperator):
    """Run `volcast` with these arguments again and again, as long as it says that there is nothing yet."""

    template_fields = ("arguments",)

    def __init__(self, *, arguments: Sequence[str], **others: Any) -> None:
        super().__init__(mode="reschedule", **others)
        self.arguments = arguments

    def poke(self, context: Any) -> bool:  # noqa: ARG002  # as above
        """Return whether it is there. Raises as the operator, but for that."""
        result = SubprocessHook().run_command(command(self.arguments))
        if result.exit_code == NOTHING_TO_DO:
            return False
        check(result.exit_code, result.output, (WRONG_USAGE,))
        return True


def command(arguments: Sequence[str]) -> list[str]:
    """Return the words of a call of the program."""
    return [*shlex.split(os.environ.get("VOLCAST", "volcast")), *arguments]


def check(exit_code: int, last_line: str, final: Sequence[int]) -> None:
    """Raise AirflowFailException if trying again is of no use, AirflowException if it may be."""
    if exit_code:
        kind = AirflowFailException if exit_code in final else AirflowException
        raise kind(f"volcast has ended with {exit_code}: {last_line}")


def deadline(dag: str, after_begin: timedelta) -> DeadlineAlert | None:
    """Return the deadline of a run, this long after its data interval begins; None with the variable WITHOUT_DEADLINES.

    `airflow dags test` needs that: in Airflow 3.3 it ends with an error after the last task of a DAG that has a deadline.
    """
    if os.environ.get("WITHOUT_DEADLINES"):
        return None
    callback = AsyncCallback("volcast_airflow.late", kwargs={"dag": dag})
    return DeadlineAlert(reference=DeadlineReference.DAGRUN_LOGICAL_DATE, interval=after_begin, callback=callback)


async def late(dag: str, **_: Any) -> None:
    """Tell those whom the setting `notify` names that a run has passed its deadline. Airflow's triggerer calls it."""
    words = command(["notify", "send", f"volcast: {dag} is late", f"A run of the DAG {dag} has passed its deadline."])
    await asyncio.to_thread(subprocess.run, words, check=True)
