"""The coordinator decides at once; members hear of it late."""

from collections.abc import Mapping

from volcast.proof.simulated_log.group import Group, Member


def joined(group: Group, *names: str) -> list[Member]:
    members = [Member(name) for name in names]
    for member in members:
        group.join(member)
    return members


def held(given: Mapping[int, int]) -> set[int]:
    return set(given)


def test_all_partitions_are_given_and_each_to_one() -> None:
    first, second = joined(Group(3), "first", "second")
    assert held(first.given) | held(second.given) == {0, 1, 2}
    assert not held(first.given) & held(second.given)


def test_until_it_is_told_a_member_believes_what_it_was_told_before() -> None:
    group = Group(2)
    (first,) = joined(group, "first")
    group.tell(first)
    (second,) = joined(group, "second")
    group.tell(second)
    assert held(first.believes) == {0, 1}
    assert held(second.believes) == {1}  # which the first still believes to be its own
    group.tell(first)
    assert held(first.believes) == {0}


def test_each_rebalance_is_another_epoch() -> None:
    group = Group(1)
    (member,) = joined(group, "one")
    before = dict(member.given)
    group.rebalance()
    assert held(member.given) == held(before)
    assert member.given != before


def test_another_turn_gives_the_partitions_to_others() -> None:
    group = Group(2)
    first, second = joined(group, "first", "second")
    assert (held(first.given), held(second.given)) == ({0}, {1})
    group.rebalance(turn=1)
    assert (held(first.given), held(second.given)) == ({1}, {0})


def test_whoever_was_counted_out_believes_on_until_it_hears_of_it_and_joins_again() -> None:
    group = Group(1)
    sleeper, other = joined(group, "a sleeper", "other")
    group.tell(sleeper)
    group.leave(sleeper)
    assert (held(sleeper.believes), held(other.given)) == ({0}, {0})
    group.tell(sleeper)
    assert held(sleeper.believes) | held(other.given) == {0}


def test_a_member_of_the_same_name_takes_over_without_a_rebalance() -> None:
    group = Group(2)
    former, other = joined(group, "static", "other")
    before, rebalances = dict(other.given), group.rebalances
    (later,) = joined(group, "static")
    assert (later.given, other.given, group.rebalances) == (former.given, before, rebalances)
    group.leave(former)  # its session ends; it is no longer the one that is counted in
    assert group.rebalances == rebalances


def test_a_group_may_be_empty() -> None:
    group = Group(1)
    (member,) = joined(group, "one")
    group.leave(member)
    group.rebalance(turn=2)
    (later,) = joined(group, "later")
    assert held(later.given) == {0}
