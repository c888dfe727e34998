"""The rollout's state machine: every way through it, killed anywhere, ends with all traffic on one deployment."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.resources.host import Cancelled, Failure
from ml.resources.rollout_ports import Deployment, LeaseLost, Target
from ml.resources.rollout_refusal import compare_champion, refuse, rejection, settle, unsettled
from ml.resources.rollout_rollback import InHand, roll_back
from ml.resources.rollout_run import RolloutRun, observe
from tests.unit.rollout_world import Candidate, Hand, Killed, World, is_rejected, rollout, target

OLD, NEW, NEWER = target(1), target(2), target(3)
REBUILT = target(1, "b")
"""The version that serves, in another image: its scoring server changed."""
FAULTS: tuple[str | int | None, ...] = (None, "stage", "deploy", "prove", 10, 50)


def bring(world: World, wanted: Target, hand: Hand | None = None) -> None:
    """What one `pulumi up` does: refuse what was rejected, else roll out."""
    hand = hand or Hand(world)
    if rejection(hand, wanted) is not None:
        seen = observe(hand, hand)
        if unsettled(seen, wanted):
            settle(hand.ports(), wanted)
        raise refuse("before", wanted, seen)
    rollout(hand, wanted).run()


def up(world: World, wanted: Target, hand: Hand | None = None) -> str:
    """How one `pulumi up` ends."""
    try:
        bring(world, wanted, hand)
    except Killed:
        return "killed"
    except Failure:
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
    with pytest.raises(
        Failure, match=r"v2-.* is rejected: it.*v1-.* serves.*make promote SYSTEM=bike_buyer VERSION=2.*retryRejected"
    ):
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


def test_a_rejected_image_is_tried_again_when_asked_for_and_then_forgiven() -> None:
    world = World.serving(1)
    world.faults[2] = 10
    assert up(world, NEW) == "failed"
    del world.faults[2]
    rollout(Hand(world), NEW, retrying=True).run()
    assert world.settled() == NEW.deployment
    assert not is_rejected(world, NEW)


@given(
    wanted=st.sampled_from([NEW, REBUILT]),
    fault=st.sampled_from(FAULTS),
    kills=st.lists(st.tuples(st.integers(1, 80), st.booleans()), max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_killed_anywhere_it_ends_at_one_version(
    wanted: Target, fault: str | int | None, kills: list[tuple[int, bool]]
) -> None:
    world = World.serving(1)
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


@given(first=st.sampled_from(FAULTS), second=st.sampled_from(FAULTS), call=st.integers(1, 80), after=st.booleans())
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


@given(call=st.integers(1, 80), fault=st.sampled_from(FAULTS))
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


@given(call=st.integers(1, 80), fault=st.sampled_from(FAULTS))
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
