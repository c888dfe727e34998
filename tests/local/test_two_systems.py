"""Two systems in one stack: what happens to one is nothing to the other; in order."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests import churn
from tests.local.checkout import Checkout
from tests.local.serving import ENDPOINTS

OTHER = "churn"
SYSTEM = "ml/systems/bike_buyer/system.py"
FLOORS, UNREACHABLE = '{"auc": 0.80, "accuracy": 0.75}', '{"auc": 0.999}'
STACK = "stacks/Pulumi.local.yaml"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The bike buyer, which cannot reach its floor, and a system that `make new` made of a table, which can."""
    folder = tmp_path_factory.mktemp("two")
    made = Checkout(folder)
    made.edit(SYSTEM, "rounds=200", "rounds=12")
    made.edit(SYSTEM, FLOORS, UNREACHABLE)
    printed = made.in_system("new", SYSTEM=OTHER, KIND="binary", DATA=str(churn.write(folder / "own" / "churn.csv")))
    assert printed.splitlines()[-1] == f"Next: make up SYSTEM={OTHER}"
    yield made
    subprocess.run([".venv/bin/python", "-m", "emulator", "reset"], cwd=made.folder, env=made.environment, check=False)


def serving(checkout: Checkout) -> dict[str, int]:
    """How many deployments each endpoint sends requests to."""
    return {name: len(body["properties"].get("traffic") or {}) for name, body in checkout.rows(ENDPOINTS)}


def test_one_system_below_its_floor_does_not_hold_up_the_other(checkout: Checkout) -> None:
    printed = checkout.tool("up", "local", check=False)
    assert "is below the floor 0.999, and there is no champion to keep" in printed
    assert "Traceback" not in printed
    endpoints = serving(checkout)
    assert sorted(endpoints.values()) == [0, 1]
    (served,) = (name for name, count in endpoints.items() if count)
    assert OTHER in served
    assert f"make -s key SYSTEM={OTHER}" in printed
    assert re.search(r"answers +yes by version 1", printed), printed


def test_verbs_show_every_system_and_ask_which_one_is_meant(checkout: Checkout) -> None:
    printed = checkout.in_system("status", SYSTEM="")
    buyer, other = re.split(r"^\w+ on stack local$", printed, flags=re.MULTILINE)[1:]
    assert re.search(r"serves +nothing\n +champion +none yet", buyer), printed
    assert re.search(r"serves +version 1 +100 %", other), printed
    refused = checkout.in_system("rollback", SYSTEM="", check=False)
    assert "SYSTEM and REASON are missing: write for instance SYSTEM=bike_buyer REASON=" in refused
    assert f"(stack local has bike_buyer, {OTHER})" in refused


def test_up_of_one_system_touches_no_other(checkout: Checkout) -> None:
    checkout.edit(f"ml/systems/{OTHER}/system.py", '"auc": 0.6', '"auc": 0.61')
    printed = checkout.tool("up", "local", "bike-buyer", check=False)
    assert "is below the floor 0.999" in printed
    assert f"{OTHER}-gate" not in printed
    checkout.edit(f"ml/systems/{OTHER}/system.py", '"auc": 0.61', '"auc": 0.6')


def test_a_system_is_taken_out_only_on_purpose(checkout: Checkout) -> None:
    checkout.edit(STACK, "    bike_buyer: {}\n", "")
    assert "neither in mlops:systems nor in mlops:retire" in checkout.tool("up", "local", check=False)
    assert len(serving(checkout)) == 2


def test_a_system_that_another_branch_does_not_have_is_taken_out_only_on_purpose(checkout: Checkout) -> None:
    shutil.rmtree(checkout.folder / "ml/systems/bike_buyer")
    for refused in (checkout.tool("preview", "local", check=False), checkout.pulumi("up --yes -s local", check=False)):
        assert "The stack has the system 'bike_buyer', whose folder is not here" in refused
        assert "make up RETIRE=bike_buyer" in refused
        assert "Traceback" not in refused
    assert len(serving(checkout)) == 2
    checkout.environment["MLOPS_RETIRE"] = "bike_buyer"
    checkout.tool("up", "local")
    (served,) = serving(checkout)
    assert OTHER in served
