"""What a person has after two `up`s, the second with a challenger that lost: the shared stack is what it says it is."""

from __future__ import annotations

from tests.local.checkout import wait_until
from tests.local.conftest import Deployed


def test_the_first_champion_serves_after_a_challenger_that_lost(deployed: Deployed) -> None:
    service = deployed.service
    assert (service.champion(), list(service.traffic().values()), service.staged()) == (1, [100], [])
    with service.load(rate=20.0) as load:
        wait_until(lambda: len(load.answers) >= 20, "20 answers", 30)
    assert (load.problems, load.wrong(service.right)) == ([], [])
    assert {answer.version for answer in load.answers} == {1}


def test_both_jobs_ended_and_only_the_first_became_a_version(deployed: Deployed) -> None:
    assert [job.status for job in deployed.checkout.jobs()] == ["Completed", "Completed"]
    versions = deployed.checkout.rows("microsoft.machinelearningservices/workspaces/models/versions")
    assert [name for name, _ in versions] == ["1"]
    assert deployed.checkout.outputs()["data"]["source"] == "real"


def test_the_up_that_lost_prints_both_figures(deployed: Deployed) -> None:
    kept = [line for line in deployed.lost.splitlines() if "kept" in line or "champion" in line]
    assert any(line.count("0.") >= 2 for line in kept), deployed.lost[-3000:]
    assert deployed.checkout.outputs()["scoringUri"] in deployed.first
