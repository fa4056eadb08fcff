"""The order of the tests: whatever was collected runs once, and what waits begins in half of the processes."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.order import LONGEST, in_order

ROOT = Path("tests")
PATHS = st.sampled_from(["stories/test_a.py", "page/test_b.py", *LONGEST[:3], "core/test_c.py", "api/test_d.py", "test_e.py"])


def order(paths: list[str], processes: int) -> list[tuple[int, str]]:
    return in_order(enumerate(paths), lambda test: ROOT / test[1], ROOT, processes)


@given(st.lists(PATHS, max_size=40), st.integers(1, 6))
def test_each_test_is_there_once(paths: list[str], processes: int) -> None:
    assert sorted(order(paths, processes)) == list(enumerate(paths))


def test_what_waits_is_at_the_heads_of_half_of_the_parts_and_the_longest_first() -> None:
    paths = ["core/test_c.py"] * 90 + ["stories/test_a.py"] * 4 + ["page/test_b.py"] * 4 + [LONGEST[1], LONGEST[0]]
    found = [path for _, path in order(paths, 4)]
    first, second, third, fourth = (found[at : at + 25] for at in range(0, 100, 25))
    assert first[:6] == [LONGEST[0], *["stories/test_a.py"] * 4, "core/test_c.py"]
    assert second[:6] == [LONGEST[1], *["page/test_b.py"] * 4, "core/test_c.py"]
    assert set(third) == set(fourth) == {"core/test_c.py"}
    assert [path for _, path in order(paths, 3)][33] == LONGEST[1]  # of three processes two begin with what waits


def test_a_file_of_the_longest_begins_early_wherever_it_is() -> None:
    found = [path for _, path in order(["core/test_c.py"] * 9 + ["test_docs.py", "bench/test_load.py"], 1)]
    assert found[:2] == ["bench/test_load.py", "test_docs.py"]


def test_the_longest_exist() -> None:
    assert [file for file in LONGEST if not (Path(__file__).parent / file).is_file()] == []
