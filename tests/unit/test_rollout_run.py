"""The rollout's state machine: every way through it, killed anywhere, ends with all traffic on one deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.clients.errors import CloudError
from ml.progress import Cancelled, Failure
from ml.resources import rollout as resource
from ml.rollout.core import writes as rollout_writes
from ml.rollout.core.ports import Deployment, LeaseLost, Target
from ml.rollout.core.refusal import compare_champion, refuse_rejected
from ml.rollout.core.rollback import InHand, roll_back
from ml.rollout.core.run import RolloutRun
from ml.rollout.core.writes import Ports
from tests.unit.rollout_world import (
    Candidate,
    Hand,
    Killed,
    World,
    fixture_quick,
    is_rejected,
    rollout,
    target,
)

__all__ = ["fixture_quick"]
OLD, NEW, NEWER = target(1), target(2), target(3)
REBUILT = target(1, "b")
"""The version that serves, in another image: its scoring server changed."""
FAULTS: tuple[str | int | None, ...] = (None, "stage", "deploy", "prove", 10, 50)


def bring(world: World, wanted: Target, hand: Hand | None = None) -> None:
    """What one `pulumi up` does: refuse what was rejected, else roll out."""
    hand = hand or Hand(world)
    refuse_rejected(hand.ports(), wanted)
    rollout(hand, wanted).run()


def up(world: World, wanted: Target, hand: Hand | None = None) -> str:
    """How one `pulumi up` ends."""
    try:
        bring(world, wanted, hand)
    except Killed:
        return "killed"
    except (Failure, CloudError):
        return "failed"
    return "done"


def test_a_good_candidate_takes_over_stage_by_stage() -> None:
    world = World.serving(1)
    assert up(world, NEW) == "done"
    assert world.history == [
        {OLD.deployment: 90, NEW.deployment: 10},
        {OLD.deployment: 50, NEW.deployment: 50},
        {NEW.deployment: 100},
    ]
    assert world.champion == 2
    assert set(world.made) == {OLD.deployment, NEW.deployment}
    assert world.images[2] == NEW.image


def test_the_first_version_gets_all_traffic_at_once() -> None:
    world = World()
    assert up(world, OLD) == "done"
    assert (world.history, world.champion) == ([{OLD.deployment: 100}], 1)


def test_a_second_run_changes_nothing() -> None:
    world = World.serving(1)
    up(world, NEW)
    writes = len(world.writes)
    assert up(world, NEW) == "done"
    assert len(world.writes) == writes


def test_only_the_version_before_is_kept() -> None:
    world = World.serving(1)
    for wanted in (NEW, NEWER):
        assert up(world, wanted) == "done"
    assert set(world.made) == {NEW.deployment, NEWER.deployment}


@pytest.mark.parametrize("fault", ["stage", "deploy", "prove", 10, 50])
def test_a_bad_candidate_is_put_back_removed_and_remembered(fault: str | int) -> None:
    world = World.serving(1)
    world.faults[2] = fault
    with pytest.raises(Failure, match=r"v2-.* is rejected: it.*v1-.* serves.*make promote SYSTEM=bike_buyer VERSION=2"):
        bring(world, NEW)
    assert (world.settled(), world.champion) == (OLD.deployment, 1)
    assert is_rejected(world, NEW)
    assert set(world.made) == {OLD.deployment}
    assert not world.staged

    writes = len(world.writes)
    with pytest.raises(Failure, match=r"was rejected in this image .*v1-.* 100 %"):
        bring(world, NEW)
    assert len(world.writes) == writes


@pytest.mark.parametrize("fault", ["prove", 10, 50])
def test_the_same_version_in_another_image_goes_back_to_the_old_image(fault: str | int) -> None:
    world = World.serving(1)
    world.faults[1] = fault
    assert up(world, REBUILT) == "failed"
    assert (world.settled(), set(world.made)) == (OLD.deployment, {OLD.deployment})
    assert is_rejected(world, REBUILT)
    assert not is_rejected(world, OLD)


@pytest.mark.parametrize("fault", ["stage", "deploy", "prove", 10, 50])
def test_the_image_that_serves_is_not_rejected_for_another_size_of_machine(fault: str | int) -> None:
    world = World.serving(1)
    world.faults[1] = fault
    bigger = replace(OLD, deployment="v1-bigger")
    with pytest.raises(Failure, match=r"v1-bigger was found faulty: it.*v1-.* serves.*set instanceType of `mlops:serv"):
        bring(world, bigger)
    assert (world.settled(), set(world.made)) == (OLD.deployment, {OLD.deployment})
    assert not is_rejected(world, OLD)


def test_a_rejected_image_serves_once_somebody_has_lifted_that() -> None:
    world = World.serving(1)
    world.faults[2] = 10
    assert up(world, NEW) == "failed"
    del world.faults[2]
    assert up(world, NEW) == "failed"
    world.rejections.clear()
    assert up(world, NEW) == "done"
    assert world.settled() == NEW.deployment


@given(
    wanted=st.sampled_from([NEW, REBUILT]),
    fault=st.sampled_from(FAULTS),
    promoted=st.booleans(),
    kills=st.lists(st.tuples(st.integers(1, 160), st.booleans()), max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_killed_anywhere_it_ends_at_one_version(
    wanted: Target, fault: str | int | None, promoted: bool, kills: list[tuple[int, bool]]
) -> None:
    world = World.serving(1)
    world.champion = wanted.version if promoted else 1
    if fault is not None:
        world.faults[wanted.version] = fault
    for call, after in kills:
        up(world, wanted, Hand(world, call, after))
    end, good = up(world, wanted), wanted if fault is None else OLD
    assert world.settled() == good.deployment
    assert world.champion == good.version
    assert end == ("done" if fault is None else "failed")
    assert is_rejected(world, wanted) == (fault is not None)
    assert not world.staged
    assert all(sum(shares.values()) == 100 for shares in world.history)


@given(first=st.sampled_from(FAULTS), second=st.sampled_from(FAULTS), call=st.integers(1, 160), after=st.booleans())
@settings(max_examples=200, deadline=None)
def test_another_version_after_a_kill_starts_from_one_that_served(
    first: str | int | None, second: str | int | None, call: int, after: bool
) -> None:
    world = World.serving(1)
    world.faults.update({version: fault for version, fault in ((2, first), (3, second)) if fault is not None})
    up(world, NEW, Hand(world, call, after))
    up(world, NEWER)
    good = NEWER if second is None else NEW if world.champion == 2 else OLD
    assert world.settled() == good.deployment
    assert world.champion == good.version
    assert not (good is NEW and first is not None)


@given(call=st.integers(1, 160), fault=st.sampled_from(FAULTS))
@settings(max_examples=150, deadline=None)
def test_who_has_lost_the_lease_writes_nothing_more(call: int, fault: str | int | None) -> None:
    world, taken = World.serving(1), []
    if fault is not None:
        world.faults[2] = fault

    def take_over() -> None:
        other = Hand(world)
        rollout(other, NEWER).run()
        taken.append(len(world.writes))

    first = Hand(world, meanwhile={call: take_over})
    end = up(world, NEW, first)
    if taken:
        assert all(writer is not first for writer, _ in world.writes[taken[0] :])
        assert (world.settled(), world.champion) == (NEWER.deployment, 3)
        assert end == "failed" or call >= first.calls


@given(call=st.integers(1, 160), fault=st.sampled_from(FAULTS))
@settings(max_examples=150, deadline=None)
def test_a_rollback_during_a_rollout_wins_and_stays(call: int, fault: str | int | None) -> None:
    world, said = World.serving(1), []
    if fault is not None:
        world.faults[2] = fault

    def back() -> None:
        other = Hand(world)
        in_hand = InHand(2, NEW.image, NEW.deployment)
        try:
            said.append(roll_back(other.ports(), in_hand, None, "bad", nowhere, lambda seconds: None))
        except Failure as failure:
            said.append(str(failure))

    up(world, NEW, Hand(world, meanwhile={call: back}))
    if said:
        assert (world.settled(), world.champion) == (OLD.deployment, 1), said
        assert is_rejected(world, NEW)
        assert up(world, NEW) == "failed"
        assert world.settled() == OLD.deployment


@pytest.mark.parametrize("status", [0, 500])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_one_passing_error_at_any_call_leaves_nothing_in_between(
    fault: str | int | None, after: bool, status: int
) -> None:
    for call in count(1):
        world = World.serving(1)
        if fault is not None:
            world.faults[2] = fault
        hand = Hand(world, call, after, strike=lambda: CloudError("no answer", status=status))
        up(world, NEW, hand)
        if hand.calls < call:
            break
        assert world.settled() in (OLD.deployment, NEW.deployment), call
        assert (world.settled() == NEW.deployment) <= (fault is None), call
        assert is_rejected(world, NEW) == (world.verdicts > 0), call
        up(world, NEW)
        good = NEW if fault is None else OLD
        assert (world.settled(), world.champion) == (good.deployment, good.version), call
        assert is_rejected(world, NEW) == (fault is not None), call


def test_when_the_models_cannot_be_read_the_traffic_goes_back_and_nothing_is_claimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollout_writes, "PERSIST_SECONDS", 0.0)
    world = World.serving(1)
    world.faults[2] = 50
    hand = Hand(world, no_models=lambda: world.verdicts > 0)
    with pytest.raises(Failure, match=r"v2-\w+ was found faulty: it fails at 50. Not everything .*cannot be read"):
        bring(world, NEW, hand)
    assert world.settled() == OLD.deployment
    assert not is_rejected(world, NEW)


def test_a_rejection_written_while_up_waits_for_the_lease_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.serving(1)
    hand = Hand(world)

    @contextmanager
    def writer(site: object, system: str, about: Mapping[str, str]) -> Iterator[Ports]:
        world.rejections[2] = {NEW.digest: "rolled back"}
        yield hand.ports()

    place = SimpleNamespace(missing=lambda: "", work_under=lambda lease: None, models=hand, endpoint=hand)
    for name, made in (("writer", writer), ("to_site", lambda inputs: place), ("to_target", lambda inputs: NEW)):
        monkeypatch.setattr(resource, name, made)
    with pytest.raises(Failure, match=r"version 2 was rejected in this image \(rolled back\)"):
        resource.bring({"system": "bike_buyer"}, None)
    assert world.history == []


def test_a_version_rejected_while_it_is_rolled_out_goes_no_further() -> None:
    world = World.serving(1)

    def by_hand(percent: int) -> None:
        world.rejections[2] = {NEW.digest: "bad"}

    with pytest.raises(Failure, match=r"^v2-\w+ was rejected while it was rolled out"):
        watched(world, by_hand).run()
    assert world.settled() == OLD.deployment
    assert world.history == [{OLD.deployment: 90, NEW.deployment: 10}, {OLD.deployment: 100}]


@pytest.mark.parametrize(
    ("fault", "while_trying", "afterwards"), [(None, {2}, 2), (10, {2}, 1), ("prove", set[int](), 1)]
)
def test_a_promoted_version_stays_the_champion_until_it_is_rejected(
    fault: str | int | None, while_trying: set[int], afterwards: int
) -> None:
    world = World.serving(1)
    world.champion = 2
    if fault is not None:
        world.faults[2] = fault
    found: set[int | None] = set()
    run = rollout(Hand(world), NEW)
    run.trials = Candidate(run.trials.hand, NEW, lambda percent: found.add(world.champion))  # type: ignore[attr-defined]
    if fault is None:
        run.run()
    else:
        with pytest.raises(Failure, match="is rejected"):
            run.run()
    assert (found, world.champion) == (while_trying, afterwards)


def test_another_image_of_the_version_that_serves_is_noted() -> None:
    world = World.serving(1)
    assert up(world, REBUILT) == "done"
    assert (world.champion, world.images) == (1, {1: REBUILT.image})
    world.images[1] = OLD.image  # as if it had been killed just before
    assert up(world, NEW) == "done"
    assert world.images == {1: REBUILT.image, 2: NEW.image}


def nowhere(version: int) -> Target:
    raise AssertionError(version)


def watched(world: World, act: Callable[[int], None]) -> RolloutRun:
    """A run in which something happens while a stage is watched."""
    run, hand = rollout(Hand(world), NEW), world.holder
    assert isinstance(hand, Hand)
    run.trials = Candidate(hand, NEW, act)
    return run


def test_ctrl_c_at_a_stage_puts_the_traffic_back() -> None:
    world = World.serving(1)

    def interrupt(percent: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        watched(world, interrupt).run()
    assert world.settled() == OLD.deployment
    assert not is_rejected(world, NEW)
    assert up(world, NEW) == "done"


def test_traffic_changed_by_hand_stops_the_rollout() -> None:
    world = World.serving(1)

    def by_hand(percent: int) -> None:
        world.shares = {OLD.deployment: 80, NEW.deployment: 20}

    with pytest.raises(Failure, match=r"changed by another hand, from v1-.* 90 %.* to v1-.* 80 %"):
        watched(world, by_hand).run()
    assert world.settled() == OLD.deployment


def test_a_lease_that_only_ran_out_puts_the_traffic_back() -> None:
    world = World.serving(1)

    def slept(percent: int) -> None:
        raise LeaseLost

    with pytest.raises(Failure, match=r"^v2-\w+ was stopped, its lease ran out: run `pulumi up` again$"):
        watched(world, slept).run()
    assert world.settled() == OLD.deployment


def test_an_unexpected_error_puts_the_traffic_back_too() -> None:
    world = World.serving(1)

    def broken(percent: int) -> None:
        if percent == 50:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watched(world, broken).run()
    assert world.settled() == OLD.deployment


def test_a_rejected_version_that_a_cut_off_rollback_left_serving_is_taken_away_first() -> None:
    world = World.serving(1)
    world.made[NEW.deployment] = Deployment(NEW.deployment, 2, NEW.image, "Succeeded")
    world.shares = {NEW.deployment: 100}
    world.rejections[2] = {NEW.digest: "bad"}
    world.faults[3] = "prove"
    assert up(world, NEWER) == "failed"
    assert (world.settled(), world.champion) == (OLD.deployment, 1)


def test_a_champion_that_moved_is_not_overwritten() -> None:
    with pytest.raises(Failure, match=r"planned while version 2 served, but the champion is version 1 now.*refresh"):
        compare_champion(1, 2, NEWER)
    compare_champion(1, 1, NEWER)
    compare_champion(3, 1, NEWER)
    compare_champion(None, 1, NEWER)
    compare_champion(1, None, NEWER)
