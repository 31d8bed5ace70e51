from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idp.telemetry.tallies import MOST_CHILDREN, OTHER, Family, Snapshot, Tally, snapshot, together

COUNTER = Family(name="counted_total", meaning="Counted", kind="counter", labels=("a", "b"))
HISTOGRAM = Family(name="timed_seconds", meaning="Timed", kind="histogram", labels=("a",), bounds=(0.1, 1.0))
LEAST = Family(name="ok", meaning="Ok", kind="gauge", labels=("a",), together="least")
MOST = Family(name="skew", meaning="Skew", kind="gauge", labels=("a",), together="most")


def test_a_counter_grows_by_its_labels() -> None:
    tally = Tally(COUNTER)
    tally.add(("x", "y"))
    tally.add(("x", "y"), 2)
    tally.add(("x", "z"))
    assert tally.numbers == {("x", "y"): [3.0], ("x", "z"): [1.0]}


def test_a_value_goes_into_the_bucket_whose_bound_it_does_not_pass() -> None:
    tally = Tally(HISTOGRAM)
    for value in (0.05, 0.1, 0.5, 3.0):
        tally.observe(("x",), value)
    assert tally.numbers == {("x",): [2.0, 1.0, 1.0, 3.65]}


def test_invented_labels_fill_no_memory() -> None:
    tally = Tally(COUNTER)
    for number in range(MOST_CHILDREN + 50):
        tally.add((str(number), "y"))
    assert len(tally.numbers) == MOST_CHILDREN + 1
    assert tally.numbers[OTHER, OTHER] == [50.0]


@given(st.lists(st.lists(st.tuples(st.sampled_from("xyz"), st.floats(0, 5)), max_size=8), max_size=4))
def test_processes_together_count_what_one_would_have(observed: list[list[tuple[str, float]]]) -> None:
    alone, snapshots = Tally(HISTOGRAM), []
    for number, values in enumerate(observed):
        tally = Tally(HISTOGRAM)
        for label, value in values:
            tally.observe((label,), value)
            alone.observe((label,), value)
        snapshots.append(snapshot([tally], process=number))
    joined = together([HISTOGRAM], snapshots)[HISTOGRAM.name]
    assert {label: numbers[:-1] for label, numbers in joined.items()} == {
        label: numbers[:-1] for label, numbers in alone.numbers.items()
    }


def test_gauges_of_several_processes_are_what_their_family_says() -> None:
    values = [
        Snapshot(process=n, families={"ok": [(("db",), [v])], "skew": [(("db",), [v])]}) for n, v in ((1, 1), (2, 0))
    ]
    joined = together([LEAST, MOST], values)
    assert joined == {"ok": {("db",): [0]}, "skew": {("db",): [1]}}


def test_numbers_of_another_version_with_other_buckets_are_left_out() -> None:
    other = Snapshot(process=1, families={HISTOGRAM.name: [(("x",), [1.0, 2.0])], COUNTER.name: [(("x",), [1.0])]})
    assert together([HISTOGRAM, COUNTER], [other]) == {HISTOGRAM.name: {}, COUNTER.name: {}}
