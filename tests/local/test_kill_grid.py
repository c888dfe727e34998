"""The CLI killed at every moment of a rollout; `test_rollout_life.py` kills it once. Runs with `make test-long`."""

from __future__ import annotations

import pytest

from tests.local.conftest import Deployed
from tests.local.kills import MOMENTS, killed_at

pytestmark = pytest.mark.long
UNCHANGED = "up --yes --skip-preview --expect-no-changes -s local"


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_anywhere_the_next_up_ends_it_and_no_client_notices(deployed: Deployed, moment: str) -> None:
    """Leaves another image serving: nothing else that looks at this stack is long."""
    killed_at(deployed.service, moment)
    deployed.checkout.pulumi(UNCHANGED)
