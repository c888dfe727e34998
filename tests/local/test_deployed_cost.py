"""`make cost` of a stack that has run: what it would cost on Azure, and what it really used."""

from __future__ import annotations

import re

from tests.local.conftest import Deployed


def test_jobs_requests_and_rows_stand_beside_what_is_assumed(deployed: Deployed) -> None:
    said = deployed.checkout.tool("cost", "local")

    assert "Here it costs nothing: that is what the same stack would cost on Azure." in said
    assert "Unknown" not in said
    measured = said.partition("Measured in the last 30 days, beside what is assumed of a month:")[2]
    figures = dict(re.findall(r"bike_buyer +(\S.*?) {2,}([\d.,e+]+)(?: |$)", measured, re.MULTILINE))
    assert int(figures["training jobs"]) >= 2, "the champion's and the challenger's"
    assert int(figures["evaluations"]) >= 1
    assert 0 < float(figures["minutes of training jobs, together"]) < 60
    assert 0 < float(figures["of the 60 minutes that one may take"]) < 1
    assert float(figures["requests"].replace(",", "")) > 0, "the rollout's own at least"
    assert float(figures["rows in them"].replace(",", "")) >= float(figures["requests"].replace(",", ""))
