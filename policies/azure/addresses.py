"""IP ranges, as `ipRangeContains()` takes them."""

from __future__ import annotations

import ipaddress
from typing import Any

from policies.azure.errors import RuleError
from policies.azure.values import text

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def in_range(whole: Any, part: Any) -> bool:
    """Whether a range lies wholly inside another; each is an address, a CIDR range or `first-last`.

    Raises:
        RuleError: one is none of these, or they are of two families.
    """
    (first, last), (start, end) = bounds(text(whole)), bounds(text(part))
    if first.version != start.version:
        raise RuleError(f"ipRangeContains() cannot compare {text(whole)!r} with {text(part)!r}")
    return int(first) <= int(start) and int(end) <= int(last)


def bounds(written: str) -> tuple[Address, Address]:
    """The first and the last address of a range."""
    try:
        if "-" in written:
            first, last = (ipaddress.ip_address(one.strip()) for one in written.split("-"))
            return first, last
        network = ipaddress.ip_network(written.strip(), strict=False)
    except ValueError:
        raise RuleError(f"ipRangeContains() takes no {written!r}") from None
    return network[0], network[-1]
