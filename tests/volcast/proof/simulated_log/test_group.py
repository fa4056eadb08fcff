"""The coordinator decides at once; members are notified late."""

from collections.abc import Mapping

from volcast.proof.simulated_log.group import Group, Member


def joined(group: Group, *names: str) -> list[Member]:
    members = [Member(name) for name in names]
    for member in members:
        group.join(member)
    return members


def partitions(assignment: Mapping[int, int]) -> set[int]:
    return set(assignment)


def test_every_partition_is_assigned_to_one_member() -> None:
    first, second = joined(Group(3), "first", "second")
    assert partitions(first.assigned) | partitions(second.assigned) == {0, 1, 2}
    assert not partitions(first.assigned) & partitions(second.assigned)


def test_until_it_is_notified_a_member_keeps_its_old_assignment() -> None:
    group = Group(2)
    (first,) = joined(group, "first")
    group.notify(first)
    (second,) = joined(group, "second")
    group.notify(second)
    assert partitions(first.known) == {0, 1}
    assert partitions(second.known) == {1}  # the first member still holds it, too
    group.notify(first)
    assert partitions(first.known) == {0}


def test_each_rebalance_is_a_new_epoch() -> None:
    group = Group(1)
    (member,) = joined(group, "one")
    before = dict(member.assigned)
    group.rebalance()
    assert partitions(member.assigned) == partitions(before)
    assert member.assigned != before


def test_another_rotation_assigns_the_partitions_to_others() -> None:
    group = Group(2)
    first, second = joined(group, "first", "second")
    assert (partitions(first.assigned), partitions(second.assigned)) == ({0}, {1})
    group.rebalance(rotation=1)
    assert (partitions(first.assigned), partitions(second.assigned)) == ({1}, {0})


def test_a_removed_member_keeps_its_assignment_until_it_is_notified_and_joins_again() -> None:
    group = Group(1)
    sleeper, other = joined(group, "a sleeper", "other")
    group.notify(sleeper)
    group.leave(sleeper)
    assert (partitions(sleeper.known), partitions(other.assigned)) == ({0}, {0})
    group.notify(sleeper)
    assert partitions(sleeper.known) | partitions(other.assigned) == {0}


def test_a_member_of_the_same_name_takes_over_without_a_rebalance() -> None:
    group = Group(2)
    former, other = joined(group, "static", "other")
    before, rebalances = dict(other.assigned), group.rebalances
    (later,) = joined(group, "static")
    assert (later.assigned, other.assigned, group.rebalances) == (former.assigned, before, rebalances)
    group.leave(former)  # its session ends; it has already been replaced
    assert group.rebalances == rebalances


def test_a_group_may_be_empty() -> None:
    group = Group(1)
    (member,) = joined(group, "one")
    group.leave(member)
    group.rebalance(rotation=2)
    (later,) = joined(group, "later")
    assert partitions(later.assigned) == {0}
