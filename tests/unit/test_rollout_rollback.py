"""Where a rollback goes: decided from what is observed, also after one that was killed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.progress import Failure
from ml.rollout.core.ports import Deployment, Observation, Target
from ml.rollout.core.rollback import InHand, decide, roll_back
from tests.unit.rollout_world import Hand, Killed, World, fixture_quick, is_rejected, passing, rollout, target

__all__ = ["fixture_quick"]
ONE, TWO, THREE = target(1), target(2), target(3)


def seen(traffic: dict[Target, int], *there: Target, champion: int, rejected: tuple[Target, ...] = ()) -> Observation:
    made = [Deployment(one.deployment, one.version, one.image, "Succeeded", one in rejected) for one in there]
    shares = {one.deployment: share for one, share in traffic.items()}
    return Observation(shares, {one.name: one for one in made}, champion)


def in_hand(one: Target) -> InHand:
    return InHand(one.version, one.image, one.deployment)


def outcome(observation: Observation, hand: InHand | None = None, wanted: int | None = None) -> tuple[int, list[int]]:
    """The good version and the bad ones."""
    found = decide(observation, hand, wanted)
    return found.version, [version for version, _ in found.bad]


def test_from_what_serves_to_the_version_before() -> None:
    assert outcome(seen({TWO: 100}, ONE, TWO, champion=2)) == (1, [2])


def test_from_a_stage_to_the_champion() -> None:
    observation = seen({ONE: 90, TWO: 10}, ONE, TWO, champion=1)
    assert outcome(observation, in_hand(TWO)) == (1, [2])
    assert outcome(observation) == (1, [2])


def test_from_staging_the_version_in_hand_is_bad_though_it_is_not_there_yet() -> None:
    assert outcome(seen({ONE: 100}, ONE, champion=1), in_hand(TWO)) == (1, [2])


def test_before_the_champion_has_followed() -> None:
    assert outcome(seen({TWO: 100}, ONE, TWO, champion=1), in_hand(TWO)) == (1, [2])
    assert outcome(seen({TWO: 100}, ONE, TWO, champion=1)) == (1, [2])


def test_a_rejected_version_is_never_gone_back_to() -> None:
    observation = seen({THREE: 100}, ONE, TWO, THREE, champion=3, rejected=(TWO,))
    assert outcome(observation) == (1, [3])
    with pytest.raises(Failure, match=r"version 2 is rejected itself: `make promote SYSTEM=... VERSION=2`"):
        decide(observation, None, 2)


def test_the_image_gone_back_to_is_not_bad_on_another_size_of_machine() -> None:
    bigger = replace(ONE, deployment="v1-bigger")
    assert outcome(seen({bigger: 100}, ONE, bigger, champion=1)) == (1, [])
    assert outcome(seen({ONE: 90, bigger: 10}, ONE, bigger, champion=1), in_hand(bigger)) == (1, [])


def test_back_from_another_size_of_machine_it_says_what_to_set() -> None:
    bigger = replace(ONE, deployment="v1-bigger")
    world = World.serving(1)
    world.made[bigger.deployment] = Deployment(bigger.deployment, 1, ONE.image, "Succeeded")
    world.shares = {bigger.deployment: 100}
    said = roll_back(Hand(world).ports(), None, None, "slow", nowhere, lambda seconds: None)
    assert (world.settled(), world.rejections) == (ONE.deployment, {})
    assert "rejected: nothing, both run the same image: set instanceType of `mlops:serving` back" in said


def test_to_a_named_version() -> None:
    observation = seen({THREE: 100}, ONE, TWO, THREE, champion=3)
    assert outcome(observation, wanted=1) == (1, [3])
    assert outcome(seen({ONE: 90, TWO: 10}, ONE, TWO, champion=1), in_hand(TWO), wanted=1) == (1, [2])
    gone = decide(seen({THREE: 100}, THREE, champion=3), None, 1)
    assert (gone.version, gone.deployment) == (1, None)
    with pytest.raises(Failure, match="version 3 serves already"):
        decide(observation, None, 3)


def test_without_anything_to_go_back_to_it_says_what_to_write() -> None:
    with pytest.raises(Failure, match="only deployment that is well: name a version"):
        decide(seen({ONE: 100}, ONE, champion=1), None, None)
    with pytest.raises(Failure, match="nothing serves"):
        decide(seen({}, ONE, champion=1), None, None)


def nowhere(version: int) -> Target:
    raise AssertionError(version)


def back(world: World, hand: Hand | None = None) -> None:
    hand = hand or Hand(world)
    roll_back(hand.ports(), None, None, "bad", nowhere, lambda seconds: None)


@given(kills=st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=4))
@settings(max_examples=200, deadline=None)
def test_killed_anywhere_the_next_one_ends_it_and_goes_no_further(kills: list[tuple[int, bool]]) -> None:
    world = World.serving(1)
    for one in (TWO, THREE):
        rollout(Hand(world), one).run()
    world.made[ONE.deployment] = Deployment(ONE.deployment, 1, ONE.image, "Succeeded")
    for call, after in kills:
        if world.champion == 3:  # else it was killed after its last write: there is nothing left to end
            with suppress(Killed):
                back(world, Hand(world, call, after))
    if world.champion == 3:
        back(world)
    assert (world.champion, world.settled()) == (2, TWO.deployment)
    assert is_rejected(world, THREE)
    assert not is_rejected(world, TWO)


def test_a_late_write_of_the_former_holder_is_undone() -> None:
    world = World.serving(1)
    rollout(Hand(world), TWO).run()
    hand, steps = Hand(world), []

    def pause(seconds: float) -> None:
        steps.append(seconds)
        if len(steps) == 3:
            world.shares = {ONE.deployment: 50, TWO.deployment: 50}
            world.rejections.clear()

    roll_back(hand.ports(), None, None, "bad", nowhere, pause)
    assert world.settled() == ONE.deployment
    assert world.champion == 1
    assert is_rejected(world, TWO)


@pytest.mark.parametrize("after", [False, True])
def test_one_passing_error_at_any_call_does_not_stop_it(after: bool) -> None:
    for call in count(1):
        world = World.serving(1)
        rollout(Hand(world), TWO).run()
        hand = Hand(world, call, after, strike=passing)
        back(world, hand)
        if hand.calls < call:
            break
        assert (world.settled(), world.champion) == (ONE.deployment, 1), call
        assert is_rejected(world, TWO), call


def test_models_that_do_not_answer_do_not_hold_up_the_traffic() -> None:
    world = World.serving(1)
    rollout(Hand(world), TWO).run()
    hand, asked = Hand(world), []

    def away() -> bool:
        asked.append(dict(world.shares))
        return len(asked) in range(5, 9)  # after what it observes first

    hand.no_models = away
    back(world, hand)
    assert world.history[-1] == {ONE.deployment: 100}
    assert asked[4:6] == [{TWO.deployment: 100}, {ONE.deployment: 100}]
    assert is_rejected(world, TWO)
