"""A new role assignment counts after a while, as on Azure: the delay is a variable of the emulator."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from emulator.access import ROLE_ASSIGNMENT, ROLE_DEFINITION, SUBSCRIPTION
from emulator.entra.principal import Principal
from emulator.entra.tokens import Tokens
from emulator.settings import ROLE_DELAY
from emulator.supervisor import Supervisor
from infra.role_assignments import Role
from tests.conftest import RunningEmulator
from tests.contract.test_arm import Arm

SECONDS = 2.0
GROUP = f"{SUBSCRIPTION}/resourceGroups/delayed"


@pytest.fixture(name="slow")
def fixture_slow(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningEmulator]:
    """An emulator of this test's own."""
    monkeypatch.setenv(ROLE_DELAY, str(SECONDS))
    supervisor = Supervisor(tmp_path_factory.mktemp("delayed"))
    settings = supervisor.start()[0].settings
    yield RunningEmulator(supervisor, settings, supervisor.environment())
    supervisor.reset()


def test_an_assignment_counts_once_its_delay_is_over(slow: RunningEmulator) -> None:
    arm, tokens = Arm(slow), Tokens(slow.settings.state, slow.settings.base_url)
    somebody = Principal(str(uuid.uuid4()), str(uuid.uuid4()), "")
    signed_in = {"authorization": f"Bearer {tokens.issue('https://management.azure.com', somebody)[0]}"}
    definition = f"{SUBSCRIPTION}/providers/{ROLE_DEFINITION}/{Role.READER.value}"
    given = {"roleDefinitionId": definition, "principalId": somebody.object_id}
    arm.send("PUT", GROUP, {"location": "westeurope"})
    answers: dict[float, int] = {}
    began = time.time()
    arm.send("PUT", f"{GROUP}/providers/{ROLE_ASSIGNMENT}/{uuid.uuid4()}", {"properties": given})
    while 200 not in answers.values() and time.time() < began + 30 * SECONDS:
        status = arm.send("GET", GROUP, headers=signed_in).status_code
        answers[time.time()] = status
    arm.client.close()
    *refused, allowed = answers.values()
    assert (set(refused), allowed) == ({403}, 200)
    assert max(answers) >= began + SECONDS
