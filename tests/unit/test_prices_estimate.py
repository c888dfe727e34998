"""Sums and differences of estimates: what is unknown is in no sum and never gets lost."""

from __future__ import annotations

from policies.prices.estimate import NOTHING, Basis, Cost, Estimate, Line, Range


def line(name: str, monthly: Range | None, basis: Basis = Basis.FIXED, what: str = "hours") -> Line:
    return Line(urn=f"urn:pulumi:dev::mlops::t::{name}", type="t", what=what, basis=basis, monthly=monthly)


def unknown(name: str) -> Line:
    return line(name, None, Basis.UNKNOWN, "traffic")


BEFORE = Estimate((line("a", Range(1, 2, 3)), line("b", Range(10, 10, 10)), unknown("b")))


def test_sums_keep_what_is_fixed_and_what_is_used_apart() -> None:
    found = Estimate((*BEFORE.lines, line("a", Range(0, 5, 9), Basis.USAGE), line("c", NOTHING, Basis.FREE)))

    assert found.total == Range(11, 17, 22)
    assert (found.fixed, found.usage) == (Range(11, 12, 13), Range(0, 5, 9))
    assert [one.name for one in found.free] == ["c"]


def test_an_unknown_amount_is_in_no_sum_and_is_named() -> None:
    urn = unknown("b").urn

    assert BEFORE.cost(urn) == Cost(Range.exactly(10), ("traffic",))
    assert not BEFORE.cost(urn).is_complete
    assert [one.name for one in BEFORE.unknown] == ["b"]


def test_the_resources_that_cost_most_come_first_and_those_that_cost_nothing_not_at_all() -> None:
    found = Estimate((*BEFORE.lines, line("c", NOTHING, Basis.FREE)))

    assert [urn.rsplit("::", 1)[-1] for urn, _ in found.top(5)] == ["b", "a"]


def test_a_difference_names_what_came_what_went_and_what_changed() -> None:
    after = Estimate((line("a", Range(1, 4, 6)), line("c", Range(3, 3, 3))))

    found = after.since(BEFORE)

    assert [(change.name, change.delta) for change in found.changes] == [
        ("b", Range(-10, -10, -10)),
        ("c", Range(3, 3, 3)),
        ("a", Range(0, 2, 3)),
    ]
    assert found.delta == Range(-7, -5, -4)
    assert found.percent == -100 * 5 / 12
    assert found.changes[0].unknown == ("traffic",)
    assert found.changes[0].after is None


def test_nothing_has_changed_where_both_are_the_same() -> None:
    assert BEFORE.since(BEFORE).changes == ()
    assert Estimate(()).since(Estimate(())).percent is None


def test_a_resource_that_is_only_unknown_shows_in_a_difference() -> None:
    found = Estimate((unknown("d"),)).since(Estimate(()))

    assert [change.name for change in found.changes] == ["d"]
    assert found.delta == NOTHING
