"""The consumer group of the simulated log: a coordinator that decides at once, and members that are notified late.

Until a member is notified it keeps its old assignment, so two members may hold the same partition for a while.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Member:
    """One process as a member of the group. Assignments map partitions to epochs."""

    name: str
    known: Mapping[int, int] = field(default_factory=dict)
    """The assignment of which the member was last notified."""
    assigned: Mapping[int, int] = field(default_factory=dict)
    """The assignment that the coordinator has decided on."""
    dead: bool = False
    """Its process has died: its later calls have no effect."""
    silent: bool = False
    """Its process has died or sleeps: others see no sign of life."""
    left: bool = False
    """Its process has ended in good order."""


class Group:
    """The coordinator. It moves a partition to another member only when a member joins, leaves, or is silent for too long."""

    def __init__(self, partitions: int) -> None:
        self.rebalances = 0
        self._partitions = partitions
        self._members: dict[str, Member] = {}

    def join(self, member: Member) -> None:
        """Add a member. It replaces a member of the same name without a rebalance, as a static member does in Kafka."""
        former = self._members.get(member.name)
        self._members[member.name] = member
        if former is None:
            self.rebalance()
        else:
            member.assigned = former.assigned

    def leave(self, member: Member) -> None:
        """Remove a member that left, or whose session ended."""
        if self._members.get(member.name) is member:
            del self._members[member.name]
            self.rebalance()

    def rebalance(self, rotation: int = 0) -> None:
        """Assign all partitions in a new epoch. Another `rotation` assigns them to other members."""
        self.rebalances += 1
        names = sorted(self._members)
        for index, name in enumerate(names):
            partitions = [p for p in range(self._partitions) if (p + rotation) % len(names) == index]
            self._members[name].assigned = dict.fromkeys(partitions, self.rebalances)

    def notify(self, member: Member) -> None:
        """Tell a member its assignment. A member that was removed learns of it now, and joins again."""
        if self._members.get(member.name) is not member:
            self.join(member)
        member.known = member.assigned
