"""The verbs that look at a stack, by what they print."""

from __future__ import annotations

import csv
import json
import re
import time
import urllib.request
from pathlib import Path

import pytest

from tests.local.conftest import FEWER_TREES, TREES, Deployed

BODY = "ml/systems/bike_buyer/request.json"


def test_status_says_what_serves_and_what_was_judged_last(deployed: Deployed) -> None:
    printed = deployed.checkout.in_system("status")
    (serves,) = [line for line in printed.splitlines() if line.strip().startswith("serves")]
    assert ("version 1" in serves, "100 %" in serves) == (True, True)
    assert "real data" in printed
    (challenger,) = [line for line in printed.splitlines() if line.strip().startswith("challenger")]
    assert "auc 0." in challenger
    assert " kept: " in re.sub(r"\s+", " ", printed)
    assert "differs" not in printed
    assert serves in deployed.checkout.in_system("status", SYSTEM="")  # a stack with one system need not name it


def test_history_says_what_was_promoted_and_what_was_kept_and_by_whom(deployed: Deployed) -> None:
    told = re.sub(r"\s+", " ", deployed.checkout.in_system("history"))
    kept, promoted = told.find("kept a challenger against version 1: "), told.find("promoted version 1: ")
    assert 0 < kept < promoted, told
    assert len(re.findall(r" by \S[^,]*, process \d+ on ", told)) == 2, told


def test_runs_say_what_changed_and_compare_shows_it_line_by_line(deployed: Deployed) -> None:
    first, lost = (job.name for job in deployed.checkout.jobs())
    printed = deployed.checkout.in_system("runs")
    newest, oldest = printed.split(lost)[1].split(first)[0], printed.split(first)[1]
    assert f"changed  rounds {TREES} -> {FEWER_TREES}" in newest
    assert ("version 1, champion" in oldest, "the first" in oldest) == (True, True)
    assert printed.count("data     real ") == 2
    next_line = printed.splitlines()[-1]
    assert next_line == f"Next: make compare A={first} B={lost}"
    printed = deployed.checkout.in_system("compare", A="champion", B=lost)
    assert f"  rounds  {TREES} -> {FEWER_TREES}" in printed.splitlines()
    assert f'  +   "rounds": {FEWER_TREES},' in printed.splitlines()
    assert re.search(r"^auc +0\.\d{4} +0\.\d{4} +-0\.\d{4}$", printed, re.MULTILINE), printed
    rows = re.findall(r"^  (0\.\d{4})  (0\.\d{4})  +[01]  Country ", printed, re.MULTILINE)
    distances = [abs(float(a) - float(b)) for a, b in rows]
    assert len(rows) == 10
    assert distances == sorted(distances, reverse=True)
    assert "A and B are missing" in deployed.checkout.in_system("compare", check=False)


def test_scores_of_a_file_are_those_of_the_model(deployed: Deployed, tmp_path: Path) -> None:
    """JSON as the endpoint takes it; CSV by its header, with a column that is none of the model's."""
    checkout, rows = deployed.checkout, deployed.service.rows
    answer = json.loads(checkout.in_system("score", FILE=BODY))
    assert (answer["model"], answer["version"], len(answer["result"])) == ("bike-buyer", 1, 1)
    file, out = tmp_path / "rows.csv", tmp_path / "answers.csv"
    with file.open("w", newline="") as target:
        writer = csv.DictWriter(target, ["customer", *rows[0]])
        writer.writeheader()
        writer.writerows({"customer": f"c{number}", **row} for number, row in enumerate(rows))
    checkout.in_system("score", FILE=str(file), OUT=str(out))
    with out.open(newline="") as source:
        answered = list(csv.DictReader(source))
    assert [row["customer"] for row in answered] == [f"c{number}" for number in range(len(rows))]
    right = [deployed.service.right(1, number) for number in range(len(rows))]
    assert [float(row["probability"]) for row in answered] == pytest.approx(right, abs=1e-6)


def test_what_is_wrong_with_a_file_is_named_by_row_and_field(deployed: Deployed, tmp_path: Path) -> None:
    example = json.loads(deployed.checkout.folder.joinpath(BODY).read_text())["data"][0]
    file = tmp_path / "rows.csv"
    file.write_text("\n".join([",".join(example), ",".join(map(str, {**example, "Age": "old"}.values()))]))
    printed = deployed.checkout.in_system("score", check=False, FILE=str(file))
    assert "row 1 (line 2), Age: 'old' is not a whole number" in printed
    file.write_text("\n".join([",".join(example), ",".join(map(str, {**example, "Age": 300}.values()))]))
    assert "row 1 (line 2), Age: " in deployed.checkout.in_system("score", check=False, FILE=str(file))


@pytest.mark.alone
def test_train_shows_a_figure_within_ten_seconds_and_is_nothing_to_the_stack(deployed: Deployed) -> None:
    checkout, began = deployed.checkout, time.monotonic()
    jobs = checkout.jobs()
    lines = []
    with checkout.start("train", "--rounds", "5") as running:
        assert running.stdout is not None
        for line in running.stdout:
            lines.append(line)
            if line.startswith("  step 1  auc 0."):
                assert time.monotonic() - began < 10
                break
        lines += running.stdout
    assert (running.returncode, lines[0]) == (0, f"Data: the files in {checkout.data}\n"), "".join(lines)
    assert any(line.startswith("holdout: auc 0.") for line in lines)
    assert checkout.folder.joinpath("outputs/bike_buyer/model.onnx").is_file()
    assert (checkout.jobs(), deployed.service.champion()) == (jobs, 1)


def test_the_log_of_a_job_is_shown_to_its_end(deployed: Deployed) -> None:
    job = deployed.checkout.jobs()[0].name
    printed = deployed.checkout.in_system("logs", JOB=job)
    assert "rows to train on" in printed
    assert printed.splitlines()[-1] == f"{job} completed."
    unknown = deployed.checkout.in_system("logs", check=False, JOB="nobody")
    assert "JOB=nobody: there is no such job. The newest of bike_buyer: " in unknown


def test_what_is_missing_is_said_before_anything_is_done(deployed: Deployed) -> None:
    assert "REASON is missing: write for instance REASON=" in deployed.checkout.in_system("rollback", check=False)
    assert "FILE is missing: write for instance FILE=" in deployed.checkout.in_system("score", check=False)
    assert "JOB is missing: write for instance JOB=" in deployed.checkout.in_system("cancel", check=False)


def test_open_prints_where_to_look(deployed: Deployed) -> None:
    printed = dict(line.split(maxsplit=1) for line in deployed.checkout.in_system("open").splitlines() if line)
    assert printed["page"] == deployed.http
    assert printed["MLflow"].startswith(f"{deployed.http}/mlflow/v1.0/subscriptions/")
    assert printed["swagger"].startswith("https://")
    for address in (printed["page"], printed["MLflow"]):
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.status == 200


def test_doctor_looks_at_every_stack_and_at_the_data(deployed: Deployed) -> None:
    printed, _ = deployed.checkout.start("doctor").communicate(timeout=120)  # it may find something on this machine
    assert "later stack dev: not set up: subscriptionId, tenantId, deployersGroupId are still all zeros" in printed
    assert f"ok   data: MLOPS_DATA_DIR={deployed.checkout.data}" in printed


def test_an_azure_stack_that_is_not_set_up_is_refused_before_anything_is_made(deployed: Deployed) -> None:
    printed = deployed.checkout.tool("up", "dev", check=False)
    assert "stack dev is on Azure and cannot be worked on yet; nothing was made:" in printed
    assert "deployersGroupId are still all zeros: write yours in stacks/Pulumi.dev.yaml" in printed
