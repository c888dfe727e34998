"""`make review` on the real engine: BASE is applied to a throwaway state that echoes, and HEAD is previewed on it.

The short suite makes many changes at once, one that fails, and none; the long one each change by itself.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from review import assemble, document, markdown
from review.plan import Op, read
from review.redact import Redactor
from review.report import Freshness, Report, Risk, StackReview
from review.sentence import sentence
from tests.docs import story
from tests.local.review_changes import DEV, FAILS, ROUNDS, SECRET_TEXT, SINGLE, TOGETHER, changed, secret
from tests.local.review_golden import golden, kept
from tools import review as reviews
from tools import shell, throwaway
from tools.preflight import ZEROS
from tools.review import Review
from tools.stacks import PROJECT
from tools.state_file import StateFile
from tools.versions import ROOT

SECRET = ("ARM_", "AZURE_", "IDENTITY_", "PULUMI_", "SSL_", "REQUESTS_", "MLOPS_")
NOWHERE = "http://127.0.0.1:1"
TODAY = dt.date(2026, 12, 1)
FRESH = Freshness(base="0123456789 (origin/main)", head="abcdef0123")


def environment(**words: str) -> dict[str, str]:
    """One in which nothing of a cloud is known, and no proxy leads outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SECRET)}
    return kept | {"HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1"} | words


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(environment()):
        monkeypatch.delenv(name)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)


def of(folder: Path, *edits: tuple[str, str, str], stack: str = "dev") -> StackReview:
    """The review of these edits to what is committed, with the same words for what it was held against each time."""
    (found,) = Review("HEAD", changed(folder, edits), today=TODAY).of([stack]).stacks
    return replace(found, freshness=FRESH)


def names(review: StackReview, op: Op) -> set[str]:
    return {one.name for one in review.changes if one.op is op}


def readable(comment: str) -> bool:
    """At most 60 lines before the first fold, and a whole one."""
    before = comment.partition("<details>")[0]
    return len(before.splitlines()) <= 60 and comment.count("<details>") == comment.count("</details>")


def test_a_checkout_that_changes_nothing_says_so_in_a_line(tmp_path: Path) -> None:
    """The command of the docs, held against what is committed here."""
    words = dict(word.split("=") for word in shlex.split(story("review")[0])[2:])
    done = subprocess.run(
        [sys.executable, "-m", "tools", "review", "--stack", words["STACK"]],
        cwd=ROOT,
        env=environment(BASE="HEAD", OUT=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip() == tmp_path.joinpath("review-dev.md").read_text().rstrip()
    found = json.loads(tmp_path.joinpath("review-dev.json").read_text())["stacks"][0]
    assert found["sentence"] == f"No changes: all {found['unchanged']} resources stay as they are."
    assert found["unchanged"] > 100
    assert "<details>" not in done.stdout
    assert kept(done.stdout) == golden("nothing", done.stdout)


def test_many_changes_in_one_review(tmp_path: Path) -> None:
    review = of(tmp_path / "head", *TOGETHER.edits)
    comment = markdown.render(Report("mlops", (review,)))
    said, unfolded = sentence(review), comment.partition("<details>")[0]
    assert not review.failure, review.failure
    # A renamed resource, and one that is gone.
    assert {"workbook", "budget"} <= names(review, Op.DELETE)
    assert "page" in names(review, Op.CREATE)
    # Another size of machine is another cluster.
    (cluster,) = [one for one in review.changes if one.name == "compute-cpu"]
    assert (cluster.op, cluster.because) == (Op.REPLACE, ("properties.properties.vmSize",))
    # What opens, and who may do what.
    assert "`lake` (StorageAccount) may have containers that anybody reads" in unfolded
    assert "`lake` (StorageAccount) opens with the account's key" in unfolded
    access = "\n".join(one.said for one in review.access)
    assert "**New:** `identities-data-factory` is **Storage Blob Data Contributor** on storageAccounts" in access
    assert "**New:** `identities-data-factory` is **Contributor** on registries" in unfolded
    # Rules, and the exemption from one of them.
    assert review.risk is Risk.BLOCKED
    shared = {one.resource: one for one in review.findings if "storage-no-shared-key" in one.rule}
    assert shared["storage"].blocks
    assert shared["lake"].exemption == "until 2027-05-01: an old tool signs in with the key"
    assert "storage-no-shared-key" in said
    # Models: every reason but the comment, and floors that fall.
    bike, attrition = sorted(review.systems, key=lambda one: one.name != "bike_buyer")
    assert bike.what == "trains again"
    assert set(bike.because) == {"rounds 200 -> 250", "packages", "data"}
    assert bike.lowered == ("auc 0.8 → 0.5",)
    assert "bike_buyer: auc 0.8 → 0.5" in said
    assert bike.follows == ("model version", "image", "rollout")
    assert bike.limit.startswith("60 min of `cpu` (Standard_DS2_v2), at most $0.")
    assert attrition.what == "trains for the first time"
    # Money, and the form.
    assert review.cost is not None
    assert readable(comment)
    assert comment == markdown.render(Report("mlops", (review,)))
    assert TODAY.isoformat() not in comment
    assert kept(comment) == golden("many-changes", comment)


def test_a_program_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    review = of(tmp_path / "head", FAILS)
    comment = markdown.render(Report("mlops", (review,)))
    assert Report("mlops", (review,)).exit_code == 1
    assert re.search(r"^> error: RuntimeError: the program is broken \(infra/platform.py, line \d+\)$", comment, re.M)
    assert str(tmp_path) not in comment
    assert readable(comment)
    unnumbered = re.sub(r"line \d+", "line …", comment)
    assert kept(unnumbered) == golden("fails", unnumbered)


EXPECTED = {
    "rename": "1 deleted, 1 created",
    "size": "1 replaced",
    "gpu that Azure has ended": "**blocked** by",
    "region": "**data is lost**: `resource-group`",
    "tag removed": "**blocked** by T-01 required-tags",
    "role added": "1 created",
    "containers may be public": "access opens in 2 places",
    "network opened": "access opens",
    "profile that Azure does not take back": "The plan could not be made (The configuration of stack 'prod' cannot",
    "hyperparameter": "bike_buyer trains again (rounds 200 -> 250).",
    "floor lowered": "a gate's floor is lowered (bike_buyer: auc 0.8 → 0.5)",
    "comment only": "No changes",
    "data": "bike_buyer trains again (data)",
    "package": "bike_buyer trains again (packages)",
    "new system": "attrition trains for the first time",
    "resource removed": "1 deleted",
    "account key": "**blocked** by R-08 storage-no-shared-key",
    "exemption added": "**blocked** by R-08 storage-no-shared-key",
    "exemption expired": "exemption",
}


@pytest.mark.long
@pytest.mark.parametrize("name", SINGLE)
def test_one_change_is_told_in_the_first_sentence(name: str, tmp_path: Path) -> None:
    change = SINGLE[name]
    review = of(tmp_path / "head", *change.edits, stack=change.stack)
    assert EXPECTED[name].lower() in sentence(review).lower()
    assert readable(markdown.render(Report("mlops", (review,))))


@pytest.mark.long
def test_another_secret_is_told_and_not_shown(tmp_path: Path) -> None:
    before, after = "v1:AAAAnonceAAAA:cipherbefore", "v1:BBBBnonceBBBB:cipherafter"
    base = changed(tmp_path / "base", (SECRET_TEXT, secret(before)))
    head = changed(tmp_path / "head", (SECRET_TEXT, secret(after)))
    stacks = [stack for one in (base, head) if (stack := one.stack("dev"))]
    throwaway.make_state(base, stacks[0], tmp_path / "state.json", "BASE")
    planned, problem = throwaway.plan(head, stacks[1], tmp_path / "state.json")
    assert not problem
    plan = read(planned, throwaway.resources(tmp_path / "state.json"))
    review = assemble.review(reviews.found(stacks[1], throwaway.commit_of("HEAD"), plan, FRESH, TODAY), Redactor())
    comment = markdown.render(Report("mlops", (review,)))
    assert "1 updated" in sentence(review)
    assert "[secret] → [another secret]" in comment
    words = [throwaway.configuration(one)["config"]["page:text"]["secure"] for one in stacks]
    assert words[0] != words[1]
    for hidden in (before, after, *words):
        assert hidden not in comment
        assert hidden not in document.text(Report("mlops", (review,)))


@pytest.mark.long
def test_all_stacks_are_one_comment(tmp_path: Path) -> None:
    words = dict(word.split("=") for word in shlex.split(story("review")[1])[2:])
    done = subprocess.run(
        [sys.executable, "-m", "tools", "review", "--stack", words["STACK"]],
        cwd=ROOT,
        env=environment(BASE="HEAD", OUT=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "No changes: all " in done.stdout
    found = json.loads(tmp_path.joinpath("review-all.json").read_text())["stacks"]
    assert [one["stack"] for one in found] == ["bootstrap", "dev", "prod"]


@pytest.mark.long
def test_a_live_review_is_held_against_the_state_in_the_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state here is a throwaway one, put where a person's own would be."""
    head = changed(tmp_path / "head", [ROUNDS, *([(DEV, ZEROS, throwaway.SOMEBODY)] * 4)])
    target = StateFile(tmp_path / "state", PROJECT, "dev").file
    target.parent.mkdir(parents=True)
    shutil.copy(throwaway.state_of(throwaway.commit_of("HEAD"), "dev"), target)
    for name, value in shell.contained(tmp_path / "state", tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    (review,) = Review("HEAD", head, today=TODAY, live=True).of(["dev"]).stacks
    assert not review.failure, review.failure
    assert review.freshness.live
    assert "bike_buyer trains again (rounds 200 -> 250)" in sentence(review)
