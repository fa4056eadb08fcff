"""Who has which partition: a coordinator that decides at once, and members that hear of it late.

Until a member is told it believes what it was told before, so two may hold the same partition for a while.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Member:
    """One process as a member of the group."""

    name: str
    believes: Mapping[int, int] = field(default_factory=dict)
    """The partitions that it was told of last, each with its epoch."""
    given: Mapping[int, int] = field(default_factory=dict)
    """Those that the coordinator means it to have."""
    dead: bool = False
    """Its process has died: whatever it still calls is as if it had never been called."""


class Group:
    """The coordinator. A partition goes to another member at the earliest when the one that has it leaves, is silent for too
    long, or another joins.
    """

    def __init__(self, partitions: int) -> None:
        self.rebalances = 0
        self._partitions = partitions
        self._members: dict[str, Member] = {}

    def join(self, member: Member) -> None:
        """A member of the same name that is still counted in is replaced, without a rebalance, as a static member is."""
        former = self._members.get(member.name)
        self._members[member.name] = member
        if former is None:
            self.rebalance()
        else:
            member.given = former.given

    def leave(self, member: Member) -> None:
        """Also for a member of which nothing was heard for too long."""
        if self._members.get(member.name) is member:
            del self._members[member.name]
            self.rebalance()

    def rebalance(self, turn: int = 0) -> None:
        """Give all partitions anew, in a new epoch; another `turn` gives them to others."""
        self.rebalances += 1
        names = sorted(self._members)
        for place, name in enumerate(names):
            mine = [p for p in range(self._partitions) if (p + turn) % len(names) == place]
            self._members[name].given = dict.fromkeys(mine, self.rebalances)

    def tell(self, member: Member) -> None:
        """What the coordinator has decided. Whoever was counted out hears it now, and joins again."""
        if self._members.get(member.name) is not member:
            self.join(member)
        member.believes = member.given
