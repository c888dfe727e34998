"""One writer: the lease against the emulator's blob service."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from emulator.settings import SUBSCRIPTION_ID
from ml.clients.arm import Arm, manner
from ml.clients.cloud import load_cloud
from ml.clients.errors import CloudError
from ml.clients.lease import SECONDS, BlobLock, LeaseTaken, kept, rollout_lock
from ml.clients.workspace import Workspace
from ml.progress import Failure
from ml.rollout.core.writer import RolloutSite, held, taken_over
from tests.contract.azureml_workspace import Workspace as Made
from tests.contract.azureml_workspace import fixture_workspace

__all__ = ["fixture_workspace"]
ABOUT = {"doing": "rolling out version 2"}


@pytest.fixture(name="lock")
def fixture_lock(workspace: Made) -> Iterator[BlobLock]:
    """The lock of a system of its own."""
    with rollout_lock(Workspace(SUBSCRIPTION_ID, workspace.name, workspace.name), f"test-{uuid.uuid4().hex}") as lock:
        yield lock


def test_nobody_holds_a_new_lock(lock: BlobLock) -> None:
    assert not lock.holder().active


def test_one_holds_it_and_says_what_for(lock: BlobLock) -> None:
    lease = lock.try_acquire(ABOUT)
    assert lease is not None
    assert lock.try_acquire({"doing": "something else"}) is None
    assert (lock.holder().active, lock.holder().about) == (True, ABOUT)
    lease.check()
    lease.release()
    assert (lock.holder().active, lock.holder().about) == (False, {})
    again = lock.try_acquire(ABOUT)
    assert again is not None
    again.release()


def test_it_is_kept_while_it_is_held(lock: BlobLock) -> None:
    lease = lock.try_acquire(ABOUT)
    assert lease is not None
    with kept(lease):
        before, deadline = lease.renewed, time.monotonic() + SECONDS
        while lease.renewed == before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert lease.alive
        assert lease.renewed > before
        assert lock.try_acquire({}) is None


def test_a_killed_holder_is_waited_for_no_longer_than_its_lease(lock: BlobLock) -> None:
    assert lock.try_acquire(ABOUT) is not None  # and never renewed
    started = time.monotonic()
    while (lease := lock.try_acquire({})) is None and time.monotonic() - started < SECONDS + 5:
        time.sleep(0.2)
    assert lease is not None
    assert SECONDS - 2 < time.monotonic() - started < SECONDS + 2
    lease.release()


def test_a_broken_lease_is_lost_at_once_and_cannot_come_back(lock: BlobLock) -> None:
    first = lock.try_acquire(ABOUT)
    assert first is not None
    started = time.monotonic()
    second = lock.force({"doing": "rolling back"})
    assert time.monotonic() - started < 2
    with pytest.raises(LeaseTaken):
        first.check()
    assert not first.alive
    first.release()
    second.check()
    second.release()
    with pytest.raises(LeaseTaken):
        first.check()


def test_forcing_works_without_a_holder_too(lock: BlobLock) -> None:
    lease = lock.force(ABOUT)
    assert lock.holder().about == ABOUT
    lease.release()


def test_an_orphan_whose_lease_ended_loses_it_to_the_next(lock: BlobLock) -> None:
    orphan = lock.try_acquire(ABOUT)
    assert orphan is not None
    other = lock.force({})
    other.release()
    with pytest.raises(LeaseTaken):
        orphan.check()


def test_it_counts_from_the_moment_it_was_asked_for(lock: BlobLock, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = lock.try_acquire(ABOUT)
    assert lease is not None
    slow = SimpleNamespace(renew=lambda: time.sleep(0.5))
    monkeypatch.setattr(lease, "_client", slow)
    asked = time.monotonic()
    lease.check()
    assert lease.renewed - asked < 0.4


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_who_lost_it_sends_no_write_again(lock: BlobLock, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = lock.try_acquire(ABOUT)
    assert lease is not None
    sent, waited = list[str](), list[str]()

    def busy(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        lock.force({"doing": "rolling back"})
        return httpx.Response(429, json={"error": {"code": "TooManyRequests", "message": "slow down"}})

    arm = Arm(load_cloud())
    monkeypatch.setattr(arm, "_http", httpx.Client(base_url="https://arm", transport=httpx.MockTransport(busy)))
    site = cast(RolloutSite, SimpleNamespace(endpoint=None, models=None, row=None))
    with (
        pytest.raises(Failure, match="another rollout or `make rollback` took over"),
        taken_over("bike_buyer"),
        held(site, lease),
        manner(pause=lambda seconds, why: waited.append(why)),
    ):
        arm.send(method, "/traffic", "1")
    assert sent == [method]
    assert len(waited) == 1
    assert "429 TooManyRequests: slow down" in waited[0]


@pytest.mark.parametrize(
    ("method", "status", "patience", "attempts"),
    [("GET", 500, 600, 3), ("GET", 0, 600, 3), ("GET", 429, 0, 1), ("PUT", 500, 600, 1), ("PUT", 503, 600, 3)],
)
def test_what_may_pass_is_asked_again(
    workspace: Made, monkeypatch: pytest.MonkeyPatch, method: str, status: int, patience: float, attempts: int
) -> None:
    sent = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        if len(sent) < 3 and status == 0:
            raise httpx.ReadTimeout("too late")
        return httpx.Response(status if len(sent) < 3 else 200, json={})

    arm = Arm(load_cloud())
    monkeypatch.setattr(arm, "_http", httpx.Client(base_url="https://arm", transport=httpx.MockTransport(answer)))
    with manner(patience=patience, pause=lambda seconds, why: None):
        if attempts == 3:
            arm.send(method, "/x", "1")
        else:
            with pytest.raises(CloudError):
                arm.send(method, "/x", "1")
    assert len(sent) == attempts
