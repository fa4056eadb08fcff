"""The programs that are compared, with the environments that they need and what they promise.

The versions are fixed: a comparison is with these releases.
"""

import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.environment import THIS_VERSION, python_with
from volcast.proof.processes.processes import COMMAND

from .job import Options
from .programs.volcast import consume_arguments

RIVER = f"river=={version('river')}"
EXACTLY_ONCE, NO_GUARANTEE = "exactly once", "none"
QUIX_COMMIT_S = 1.0
"""Its default of 5 s is as fast and answers five times later."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program."""

    name: str
    guarantee: str
    module: str = ""
    """Below `bench.peers.programs`; empty for volcast as it is delivered."""
    requirements: tuple[str, ...] = ()
    """What its environment needs; empty for this one."""
    python_version: str = THIS_VERSION
    stores_model: bool = True
    """Whether it can keep a model's state across a restart."""
    share: float = 1.0
    """The share of the candles of a round that it gets, as a slow one needs no more for a rate."""

    def command(self, options: Options) -> list[str]:
        """Return the command line. Raises InstallError if its environment cannot be made."""
        if not self.module:
            return [*COMMAND, *consume_arguments(options)]
        return [str(self.python()), "-m", f"bench.peers.programs.{self.module}", *options.arguments()]

    def python(self) -> Path:
        """Return its interpreter. Raises InstallError as above."""
        if not self.requirements:
            return Path(sys.executable)
        return python_with(*self.requirements, version=self.python_version)


OURS = Contestant("volcast, the job", EXACTLY_ONCE, "volcast")
PRODUCT = Contestant("volcast as delivered", EXACTLY_ONCE, share=0.2)
"""It does more than the job: it forecasts volatility with intervals, quantiles and drift detectors."""
QUIX = Contestant("Quix Streams", EXACTLY_ONCE, "quix", ("quixstreams==3.28.1", RIVER))
FLECHTWERK = Contestant("flechtwerk", EXACTLY_ONCE, "flechtwerk", ("flechtwerk==0.17.0", "uvloop==0.23.0", RIVER), "3.13")
CSP = Contestant("csp", NO_GUARANTEE, "csp", ("csp==0.19.1", RIVER), stores_model=False)
BY_HAND = Contestant("aiokafka by hand", EXACTLY_ONCE, "by_hand")
LIBRDKAFKA = Contestant(
    "librdkafka by hand",
    EXACTLY_ONCE,
    "by_hand_librdkafka",
    ("confluent-kafka==2.12.2", f"msgspec=={version('msgspec')}", RIVER),
)
ALL = (OURS, QUIX, FLECHTWERK, CSP, BY_HAND, LIBRDKAFKA, PRODUCT)
