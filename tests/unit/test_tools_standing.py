"""What a deployment is shown to have left."""

from __future__ import annotations

from policies.resource import UNKNOWN
from tools.standing import stack_outputs


def test_what_nothing_was_made_for_is_not_shown() -> None:
    """As the engine writes it of systems that `make up SYSTEM=other` left out."""
    left_out = {
        "cloud": "emulator",
        "data": UNKNOWN,
        "model": {"name": "shop", "version": UNKNOWN},
        "scoringUri": UNKNOWN,
    }
    made = {"cloud": "emulator", "data": {"rows": {"a.csv": 3}}, "scoringUri": "https://other"}
    resources = [{"type": "pulumi:pulumi:Stack", "outputs": {"shop": left_out, "other": made, "late": UNKNOWN}}]
    assert stack_outputs(resources) == {"shop": {"cloud": "emulator", "model": {"name": "shop"}}, "other": made}
    assert stack_outputs([]) == {}
