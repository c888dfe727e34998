"""The platform without systems: its previews without an account, its first `up` on the emulator, and the next ones."""

from __future__ import annotations

from benchmarks.figures import say, timed
from benchmarks.unchanged import unchanged_figures
from tests.local.checkout import Checkout
from tools.preview import PROFILES

PREVIEW_SECONDS = 30
UP_SECONDS = 120


def preview_figures(checkout: Checkout) -> list[bool]:
    """Previews of the stacks on Azure, in every network profile."""
    well = []
    for stack in ("dev", "prod"):
        for profile in PROFILES:
            checkout.environment["PROFILE"] = profile
            taken = timed(checkout.tool, "preview", stack)
            well.append(say(f"preview of {stack}, {profile}", taken, "s", PREVIEW_SECONDS))
    del checkout.environment["PROFILE"]
    return well


def platform_figures(checkout: Checkout) -> list[bool]:
    """All figures of the platform."""
    well = preview_figures(checkout)
    first = timed(checkout.tool, "up", "dev-emulator")
    well.append(say("dev-emulator: first up of the whole platform", first, "s", UP_SECONDS))
    return well + unchanged_figures(checkout, "dev-emulator")
