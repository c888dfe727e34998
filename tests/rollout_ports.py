"""What a rollout may rely on, whatever stands behind its ports: the world in memory of the unit tests and the clients
of the cloud pass the same tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from ml.clients.errors import CloudError
from ml.rollout.core.ports import ENDED_BADLY, SUCCEEDED, Endpoint, Lease, LeaseLost, Models, Rejected, Target

ONE_IMAGE, OTHER_IMAGE = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


class Site(Protocol):
    """An endpoint without deployments, a model with versions 1 and 2, and a lease that is held."""

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def models(self) -> Models: ...

    @property
    def lease(self) -> Lease: ...

    def target(self, version: int) -> Target:
        """A version in an image whose container starts."""

    def spoil(self, version: int, *, broken: bool = True) -> None:
        """From now on its container does not start, or does again."""

    def take_lease(self) -> None:
        """Somebody else takes the lease by force."""


class PortsSuite:
    """The common tests; a subclass gives the fixture `site`."""

    def test_an_endpoint_begins_empty(self, site: Site) -> None:
        assert (site.endpoint.traffic(), site.endpoint.deployments()) == ({}, [])

    def test_a_deployment_is_there_with_its_version_and_image_and_without_traffic(self, site: Site) -> None:
        one = site.target(1)
        site.endpoint.deploy(one)
        (made,) = site.endpoint.deployments()
        assert (made.name, made.version, made.image, made.state) == (one.deployment, 1, one.image, SUCCEEDED)
        assert site.endpoint.traffic() == {}
        site.endpoint.deploy(one)  # taken up, not made twice
        assert site.endpoint.deployments() == [made]

    def test_the_whole_map_is_set_and_shares_of_nothing_are_left_out(self, site: Site) -> None:
        one, two = site.target(1), site.target(2)
        for target in (one, two):
            site.endpoint.deploy(target)
        for traffic in ({one.deployment: 100}, {one.deployment: 90, two.deployment: 10}):
            site.endpoint.set_traffic(traffic)
            assert site.endpoint.traffic() == traffic
        site.endpoint.set_traffic({two.deployment: 100, one.deployment: 0})
        assert site.endpoint.traffic() == {two.deployment: 100}
        site.endpoint.remove(one.deployment)
        assert [made.name for made in site.endpoint.deployments()] == [two.deployment]

    def test_traffic_goes_nowhere_but_to_what_is_there_and_all_of_it(self, site: Site) -> None:
        one = site.target(1)
        site.endpoint.deploy(one)
        site.endpoint.set_traffic({one.deployment: 100})
        for wrong in ({"nobody": 100}, {one.deployment: 60}):
            with pytest.raises(CloudError):
                site.endpoint.set_traffic(wrong)
            assert site.endpoint.traffic() == {one.deployment: 100}

    def test_what_has_traffic_is_not_removed_and_what_is_gone_is_no_error(self, site: Site) -> None:
        one = site.target(1)
        site.endpoint.deploy(one)
        site.endpoint.set_traffic({one.deployment: 100})
        with pytest.raises(CloudError):
            site.endpoint.remove(one.deployment)
        assert site.endpoint.traffic() == {one.deployment: 100}
        site.endpoint.remove("nobody")

    def test_a_container_that_does_not_start_is_rejected_and_can_be_tried_again(self, site: Site) -> None:
        one = site.target(1)
        site.spoil(1)
        with pytest.raises(Rejected):
            site.endpoint.deploy(one)
        (made,) = site.endpoint.deployments()
        assert (made.name, made.state in ENDED_BADLY) == (one.deployment, True)
        site.endpoint.remove(one.deployment)
        site.spoil(1, broken=False)
        site.endpoint.deploy(one)
        assert [made.state for made in site.endpoint.deployments()] == [SUCCEEDED]

    def test_the_champion_is_one_version_with_its_image(self, site: Site) -> None:
        assert (site.models.champion(), site.models.image(1)) == (None, "")
        site.models.crown(1, "one")
        site.models.crown(2, "two")
        assert (site.models.champion(), site.models.image(1), site.models.image(2)) == (2, "one", "two")
        site.models.crown(1, "other")
        site.models.uncrown()
        site.models.uncrown()
        assert (site.models.champion(), site.models.image(1)) == (None, "other")

    def test_rejections_are_of_a_version_in_an_image(self, site: Site) -> None:
        assert site.models.rejection(1) == {}
        site.models.reject(1, ONE_IMAGE, "slow")
        site.models.reject(1, OTHER_IMAGE, "wrong")
        site.models.reject(1, ONE_IMAGE, "too slow")
        assert site.models.rejection(1) == {ONE_IMAGE: "too slow", OTHER_IMAGE: "wrong"}
        assert site.models.rejection(2) == {}

    def test_nothing_is_known_of_a_version_that_is_gone(self, site: Site) -> None:
        assert (site.models.image(99), site.models.rejection(99)) == ("", {})

    def test_who_has_lost_the_lease_is_told_and_writes_nothing(self, site: Site) -> None:
        one = site.target(1)
        site.endpoint.deploy(one)
        site.lease.check()
        site.take_lease()
        writes: list[Callable[[], None]] = [
            lambda: site.endpoint.set_traffic({one.deployment: 100}),
            lambda: site.endpoint.remove(one.deployment),
            lambda: site.models.crown(1, one.image),
            lambda: site.models.reject(1, one.digest, "bad"),
            site.lease.check,
        ]
        for write in writes:
            with pytest.raises(LeaseLost):
                write()
        assert (site.endpoint.traffic(), len(site.endpoint.deployments())) == ({}, 1)
        assert (site.models.champion(), site.models.rejection(1)) == (None, {})
