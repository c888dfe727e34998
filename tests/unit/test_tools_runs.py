"""`make runs`: what belongs to a training run, what changed since the one before, and how it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.clients.errors import CloudError
from ml.clients.jobs import Job
from ml.clients.models import ModelRecord
from ml.clients.tracking import Run
from ml.clients.workspace import Workspace
from ml.jobkit.tasks.base import Examples
from tools import words
from tools.progress import SetupError
from tools.runs import changes, compare, disagreement, table
from tools.runs.changes import Codes
from tools.runs.collect import Collected, Data, TrainingRun, join

WORKSPACE = Workspace("s", "g", "w")
RECORD = ModelRecord(2, {}, {"job": "x-new-1", "metrics": '{"auc":0.5}'}, "u", False)


def training(name: str, code: str = "c1", **more: Any) -> Job:
    tags = {"kind": "training", "digest": name, **more.pop("tags", {})}
    data = {"data": f"/subscriptions/s/data/customers/versions/{more.pop('data', 'd1')}"}
    return Job(name, "Completed", "x", tags, "", False, "2026-01-02T03:04:05Z", "python", code, "env", data, **more)


def evaluation(name: str, challenger: str, **tags: str) -> Job:
    return Job(name, "Completed", "x", {"kind": "evaluation", "challenger": challenger, **tags}, "", False)


def run(name: str, parameters: dict[str, str] | None = None, **metrics: float) -> Run:
    return Run(name, "1", metrics, {}, {}, parameters or {}, name)


def test_a_run_has_its_evaluation_its_version_and_its_data() -> None:
    jobs = [
        evaluation("x-gate-2", "x-new-1", verdict="kept", reason="below"),
        evaluation("x-gate-1", "x-new-1", verdict="promoted"),
        training("x-new-1"),
        training("x-old-1", data="d0"),
    ]
    tracked = {
        "x-new-1": run("x-new-1", {"rounds": "200", "rows_all": "14841", "rows_holdout": "2878"}, holdout_auc=0.7),
        "x-gate-2": run("x-gate-2", challenger_auc=0.8, champion_auc=0.9),
    }
    new, old = join(jobs, tracked, [RECORD], {"d1": "real"})
    assert (new.verdict, new.reason, new.figures, new.parameters) == ("kept", "below", {"auc": 0.8}, {"rounds": "200"})
    assert str(new.data) == "real d1, 14,841 rows, 2,878 held out"
    assert new.record is RECORD
    assert (old.verdict, old.figures, str(old.data)) == ("completed", {}, "unknown d0")


def test_a_model_of_another_stack_is_shown_by_the_evaluation_that_judged_it_last() -> None:
    tags = {"challenger_job": "x-new-1", "promoted_from": "dev:2", "verdict": "promoted", "reason": "better"}
    jobs = [evaluation(f"x-gate-{number}", "x-new-1", **tags) for number in (2, 1)]
    origin = {"data": "d9", "dataSource": "real", "commit": "c0ffee", "promotedFrom": "dev:2"}
    record = ModelRecord(2, {}, {**RECORD.properties, **origin}, "u", False)
    (one,) = join(jobs, {"x-gate-2": run("x-gate-2", challenger_auc=0.8)}, [record], {})
    assert (one.name, one.verdict, one.figures, str(one.data)) == ("x-new-1", "promoted", {"auc": 0.8}, "real d9")
    said = "\n".join(table.lines(one, table.origin(one), record, 200))
    assert "x-new-1, version 2, champion" in said
    assert "promoted from dev:2; trained there at commit c0ffee" in said


def test_figures_are_those_of_the_evaluation_else_of_the_training_else_those_registered() -> None:
    tracked, judged = run("x-new-1", holdout_auc=0.7), run("x-gate-1", challenger_auc=0.8)
    whole = TrainingRun(training("x-new-1"), tracked, evaluation("x-gate-1", "x-new-1"), judged, RECORD)
    assert whole.figures == {"auc": 0.8}
    assert TrainingRun(training("x-new-1"), tracked, record=RECORD).figures == {"auc": 0.7}
    assert TrainingRun(training("x-new-1"), record=RECORD).figures == {"auc": 0.5}


class Downloads(Codes):
    """Codes that lie on this machine; "gone" is nowhere."""

    def _download(self, job: Job) -> Path | None:
        place = self.folder / job.code
        return place if place.exists() else None


@pytest.fixture
def codes(tmp_path: Path) -> Codes:
    for code, text in {
        "c1": "rounds = 200\n",
        "c2": "rounds = 60  # fewer\n",
        "c3": "rounds = 200  # a word\n",
    }.items():
        folder = tmp_path / code / "ml" / "systems" / "x" / "job"
        folder.mkdir(parents=True)
        folder.joinpath("settings.py").write_text(text)
        folder.joinpath("same.yaml").write_text("a: 1\n")
    return Downloads(WORKSPACE, tmp_path)


def test_what_changed_is_named_file_by_file_and_setting_by_setting(codes: Codes) -> None:
    before = TrainingRun(training("a"), run("a", {"rounds": "200", "rows_all": "1"}), data=Data("d1", "real"))
    now = TrainingRun(training("b", "c2"), run("b", {"rounds": "60", "rows_all": "2"}), data=Data("d2", "generated"))
    assert changes.changed(codes, now, before) == [
        "settings.py",
        "rounds 200 -> 60",
        "data real d1 -> generated d2",
    ]


def test_a_comment_is_no_change_and_code_that_is_gone_is_said(codes: Codes) -> None:
    first = TrainingRun(training("a"))
    assert changes.changed(codes, TrainingRun(training("a", "c3")), first) == ["nothing: another attempt"]
    assert changes.changed(codes, TrainingRun(training("b", "c3")), first) == ["nothing: trained again on purpose"]
    assert changes.changed(codes, TrainingRun(training("b", "gone")), first) == ["code (that of one of them is gone)"]


def test_code_that_cannot_be_fetched_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Codes(WORKSPACE, tmp_path)

    def refuse(job: Job, folder: Path) -> Path:
        raise CloudError("404", status=404)

    monkeypatch.setattr(found.jobs, "code", refuse)
    assert found.files(training("a")) is None


def test_the_lines_of_a_file_that_changed(codes: Codes) -> None:
    (name,) = changes.changed_files(codes, training("b", "c2"), training("a")) or []
    old, new = codes.files(training("a")), codes.files(training("b", "c2"))
    assert old is not None
    assert new is not None
    assert list(changes.difference(name, old[name], new[name])) == [
        "ml/systems/x/job/settings.py",
        "@@ -1 +1 @@",
        "-rounds = 200",
        "+rounds = 60  # fewer",
    ]


@pytest.mark.parametrize("width", [80, 160])
def test_a_run_is_readable_at_any_width(width: int) -> None:
    reason = "auc 0.8012 is below the champion's 0.8686 (95 % interval -0.081 .. -0.052); the champion stays"
    job = evaluation("x-gate-1", "x-new-1", verdict="kept", reason=reason)
    figures = run("g", challenger_auc=0.80123, challenger_accuracy=0.75, challenger_log_loss=0.5)
    one = TrainingRun(training("x-new-1"), None, job, figures, RECORD, Data("d1", "real", "14841", "2878"))
    said = "\n".join(table.lines(one, ["settings.py", "rounds 200 -> 60"], RECORD, width)).splitlines()
    assert max(len(line) for line in said) <= width
    time = words.when(one.job.created)
    assert said[:4] == [
        f"{time}  auc 0.8012  accuracy 0.7500  log_loss 0.5000  kept",
        "                  x-new-1, version 2, champion",
        "                  changed  settings.py; rounds 200 -> 60",
        "                  data     real d1, 14,841 rows, 2,878 held out",
    ]
    assert said[4].startswith("                  because  auc 0.8012 is below the champion's 0.8686")


def test_a_rejected_version_says_why() -> None:
    rejected = ModelRecord(3, {"rejected": "sha256:a", "rejected-reason": "slow [b]"}, {}, "u", False)
    assert table.mark(rejected, RECORD) == "version 3, rejected (slow [b])"
    assert table.mark(None, None) == ""
    assert table.described(None) == "no champion yet"


def some_runs() -> Collected:
    old = TrainingRun(training("x-old-1"), run("x-old-1", {"rounds": "200"}), record=RECORD)
    new = TrainingRun(training("x-new-1", "c2"), None, evaluation("x-gate-1", "x-new-1"))
    return Collected([new, old], RECORD)


@pytest.mark.parametrize("given", ["x-old-1", "2", "v2", "champion"])
def test_a_run_is_meant_by_its_job_its_version_or_as_champion(given: str) -> None:
    assert compare.resolve(some_runs(), "A", given).job.name == "x-old-1"


def test_an_evaluation_means_the_run_it_judged_and_nobody_is_named_with_what_there_is() -> None:
    assert compare.resolve(some_runs(), "B", "x-gate-1").job.name == "x-new-1"
    with pytest.raises(SetupError, match=r"B=3: there is no such job or version\. The newest jobs: x-new-1, x-old-1"):
        compare.resolve(some_runs(), "B", "3")


def test_figures_stand_beside_each_other() -> None:
    assert list(compare.figures({"brier": 0.2, "auc": 0.86}, {"auc": 0.87})) == [
        "\nfigures         A         B     B - A",
        "auc        0.8600    0.8700   +0.0100",
        "brier      0.2000         -         -",
    ]


def test_settings_and_origins_that_differ_are_shown_with_both_values() -> None:
    assert list(compare.parameters({"rounds": "200", "seed": "0"}, {"rounds": "60", "seed": "0"})) == [
        "\nparameters",
        "  rounds  200 -> 60",
    ]
    assert list(compare.parameters({}, {})) == ["\nparameters    not known"]
    old = TrainingRun(training("a"), data=Data("d1", "real"))
    assert list(compare.origins(old, TrainingRun(training("b"), data=Data("d2", "generated")))) == [
        "data          A real d1",
        "              B generated d2",
        "packages      the same",
        "command       the same",
    ]


def test_the_code_of_two_runs_is_shown_by_its_lines(codes: Codes) -> None:
    old, new = TrainingRun(training("a")), TrainingRun(training("b", "c2"))
    assert list(compare.code(codes, old, new)) == [
        "code          1 file of the job",
        "  ml/systems/x/job/settings.py",
        "  @@ -1 +1 @@",
        "  -rounds = 200",
        "  +rounds = 60  # fewer",
    ]
    assert list(compare.code(codes, old, old)) == ["code          the same"]
    gone = TrainingRun(training("c", "gone"))
    assert list(compare.code(codes, old, gone)) == ["code          that of one of the two is gone"]


def test_rows_on_which_two_models_disagree_most_come_first_each_once() -> None:
    features = pd.DataFrame({"Age": [30, 40, 50, 50], "Income": [1.0, 2.5, 3.0, 3.0]})
    held_out = Examples(features, np.array([1, 0, 1, 1]))
    found = disagreement.compare(np.array([0.6, 0.4, 0.9, 0.9]), np.array([0.4, 0.4, 0.1, 0.1]), held_out, "d1")
    assert found.summary == (
        "4 held out of data d1: the answers differ by 0.4500 on average, by 0.8000 at most; A is nearer to the label "
        "3 times and B 0 times"
    )
    assert list(compare.listed(found.rows, 120)) == [
        "       A       B  label",
        "  0.9000  0.1000      1  Age 50  Income 3",
        "  0.6000  0.4000      1  Age 30  Income 1",
    ]
