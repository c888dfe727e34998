"""Networks: what lets in, what lets out, and what gives names."""

from __future__ import annotations

from collections.abc import Iterator

from policies.prices import meters
from policies.prices.kinds.machine_learning import private_links
from policies.prices.meters import HOURS
from policies.prices.pricing import Amount, Item, Plan, Pricer, Unpriced, Use, text
from policies.view import View


def private_endpoint(one: View, plan: Plan) -> Iterator[Item]:
    """By the hour, and what goes through it."""
    yield from private_links("private endpoint", one, plan)


def nat_gateway(one: View, plan: Plan) -> Iterator[Item]:
    """By the hour, and what goes through it."""
    yield Use("gateway", meters.NAT, Amount.of(HOURS), fixed=True)
    yield Use("data through the gateway", meters.NAT_DATA, plan.assume("nat.gigabytes", one))


def address(one: View, plan: Plan) -> Iterator[Item]:
    """By the hour, whether anything answers there or not."""
    if (sku := text(one, "sku.name", "Standard")) == "Standard":
        yield Use("public address", meters.ADDRESS, Amount.of(HOURS), fixed=True)
    else:
        yield Unpriced(f"public address, {sku}", f"policies/prices/meters.py has no address {sku}")


def zone(one: View, plan: Plan) -> Iterator[Item]:
    """So much a month, and its queries."""
    yield Use("private DNS zone", meters.ZONE, Amount.of(1), fixed=True)
    yield Use("queries", meters.ZONE_QUERIES, plan.assume("dns.queries", one))


def group(one: View, plan: Plan) -> Iterator[Item]:
    """The group is free; what leaves Azure from anything in it stands here, once for the stack."""
    yield Use("data that leaves Azure", meters.EGRESS, plan.assume("egress.gigabytes", one))


PRICERS: dict[str, Pricer] = {
    "network:PrivateEndpoint": private_endpoint,
    "datafactory:ManagedPrivateEndpoint": private_endpoint,
    "network:NatGateway": nat_gateway,
    "network:PublicIPAddress": address,
    "privatedns:PrivateZone": zone,
    "resources:ResourceGroup": group,
}
