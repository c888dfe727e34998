"""All checks, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from tests.program.azure import access, events, hardening, network, references, requests
from tests.program.azure.declared import Declared

Check = Callable[[Declared], Iterator[str]]
CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            requests.bodies_follow_the_published_models,
            requests.nothing_is_named_by_chance,
            requests.names_keep_the_limits,
            requests.names_are_unique,
            requests.everything_taggable_is_tagged,
            requests.everything_has_its_place,
            references.every_id_is_declared,
            references.no_dependency_is_missing,
            references.everything_is_in_one_subscription,
            network.private_endpoints_belong_together,
            network.nothing_is_public_in_private,
            network.subnets_have_no_default_way_out,
            hardening.switches_are_as_they_must_be,
            hardening.no_key_opens_anything,
            hardening.no_old_protocol_is_spoken,
            hardening.clusters_cost_nothing_while_idle,
            hardening.data_is_protected_in_production,
            access.roles_are_few_and_narrow,
            access.every_identity_is_one_of_the_table,
            access.no_secret_is_plain,
            events.events_are_delivered_with_an_identity,
            events.workflows_hold_no_credential,
        )
    }
)
