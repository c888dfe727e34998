"""The verbs that look at a stack, by what they print."""

from __future__ import annotations

from tests.local.conftest import Deployed


def test_status_says_what_serves_and_what_was_judged_last(deployed: Deployed) -> None:
    printed = deployed.checkout.in_system("status")
    (serves,) = [line for line in printed.splitlines() if line.strip().startswith("serves")]
    assert ("version 1" in serves, "100 %" in serves) == (True, True)
    assert "real data" in printed
    (challenger,) = [line for line in printed.splitlines() if line.strip().startswith("challenger")]
    assert "auc 0." in challenger
    assert "differs" not in printed
    assert serves in deployed.checkout.in_system("status", SYSTEM="")  # a stack with one system need not name it
