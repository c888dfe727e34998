"""Personal stacks: what `make stack` writes and refuses, and which `make expired` takes down."""

from __future__ import annotations

import datetime as dt
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from infra.naming import required_tags
from infra.stack_settings import StackSettings
from tools import deployment, lock_files, stacks
from tools import personal as subject
from tools.commands import personal as verbs
from tools.progress import SetupError
from tools.stacks import Stack, load_stack

TODAY = dt.date(2026, 11, 30)
LAST = dt.date(2026, 12, 31)


def wanted(name: str = "alice", origin: str = "dev", owner: str = "alice@example.com") -> subject.Wanted:
    return subject.Wanted(name, load_stack(origin), owner, LAST)


def test_a_personal_stack_is_like_its_origin_with_an_owner_and_a_last_day(tmp_path: Path) -> None:
    file, remarks = subject.make(wanted(), TODAY, tmp_path)
    assert (file.name, remarks) == ("Pulumi.dev-alice.yaml", [])
    before, after = load_stack("dev").configuration()["config"], yaml.safe_load(file.read_text())["config"]
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    assert changed == {
        "mlops:owner": "alice@example.com",
        "mlops:expiresOn": "2026-12-31",
        "mlops:operations": {**before["mlops:operations"], "budgetStart": "2026-11-01"},
    }
    assert set(before) <= set(after)
    assert load_stack("dev-alice", tmp_path).cloud == "azure"


def test_the_last_day_is_a_tag_of_everything() -> None:
    base: dict[str, Any] = {
        "cloud": "azure",
        "location": "westeurope",
        "environment": "dev",
        "owner": "x",
        "costCenter": "y",
        **dict.fromkeys(("subscriptionId", "tenantId", "deployersGroupId"), "11111111-2222-3333-4444-555555555555"),
    }
    assert required_tags(StackSettings(**base, expiresOn="2026-12-31"), "s")["expires-on"] == "2026-12-31"
    assert "expires-on" not in required_tags(StackSettings(**base), "s")
    with pytest.raises(ValueError, match="is no day"):
        StackSettings(**base, expiresOn="31.12.2026")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-29", "has passed: today is 2026-11-30"),
        ("tomorrow", "is no day: write it such as EXPIRES=2026-12-30"),
        ("2028-01-01", "more than a year away"),
        ("2026-11-30", ""),
    ],
)
def test_a_last_day_is_to_come_and_not_far_away(text: str, words: str) -> None:
    with pytest.raises(SetupError, match=words) if words else nullcontext():
        subject.day(text, TODAY)


@pytest.mark.parametrize(
    ("name", "words"),
    [("Alice", "lower-case"), ("a_b", "lower-case"), ("1a", "lower-case"), ("bartholomewish", "is room for 11")],
)
def test_a_name_that_azure_would_not_take_whole_is_refused(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=words):
        subject.make(wanted(name), TODAY, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_longest_name_is_one_that_a_message_names() -> None:
    subject.check_name("a" * 11, load_stack("dev"))
    with pytest.raises(SetupError, match="room for 11"):
        subject.check_name("a" * 12, load_stack("dev"))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (wanted(origin="prod"), "FROM=prod is a production stack"),
        (wanted(origin="bootstrap"), "FROM=bootstrap is a production stack"),
        (wanted(owner=" "), "OWNER is missing"),
    ],
)
def test_what_is_no_personal_stack_is_refused(asked: subject.Wanted, words: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=words):
        subject.make(asked, TODAY, tmp_path)


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    file, _ = subject.make(wanted(), TODAY, tmp_path)
    text = file.read_text()
    with pytest.raises(SetupError, match="is there already"):
        subject.make(wanted(owner="other@example.com"), TODAY, tmp_path)
    assert file.read_text() == text
    with pytest.raises(SetupError, match="is a personal stack itself"):
        subject.make(subject.Wanted("b", load_stack("dev-alice", tmp_path), "x", LAST), TODAY, tmp_path)


def test_secrets_and_what_one_stack_alone_can_have_stay_behind(tmp_path: Path) -> None:
    content = load_stack("dev").configuration()
    content["config"] |= {
        "mlops:token": {"secure": "v1:x"},
        "mlops:federation": {"github": {"repository": "example/mlops"}},
        "mlops:existing": {"resourceGroup": "rg"},
        "mlops:network": {"hubNetworkId": "/subscriptions/x"},
    }
    content |= {"secretsprovider": "azurekeyvault://v/keys/k", "encryptedkey": "x"}
    origin = tmp_path / "Pulumi.dev.yaml"
    origin.write_text(yaml.safe_dump(content))
    file, remarks = subject.make(subject.Wanted("a", Stack("dev", "azure", origin), "a@b.c", LAST), TODAY, tmp_path)
    made = yaml.safe_load(file.read_text())
    assert set(made) == {"config"}
    assert not {"mlops:token", "mlops:federation", "mlops:existing"} & set(made["config"])
    assert len(remarks) == 5
    assert "pulumi config set --secret mlops:token --stack dev-a" in "\n".join(remarks)


@pytest.mark.parametrize(("given", "words"), [({}, "NAME, FROM and EXPIRES are missing"), ({"FROM": "x"}, "NAME and")])
def test_all_that_is_missing_is_said_at_once(given: dict[str, str], words: str) -> None:
    done = CliRunner().invoke(verbs.application, ["stack"], env=given)
    assert isinstance(done.exception, SetupError)
    assert words in str(done.exception)


def test_an_unknown_origin_is_named() -> None:
    given = {"NAME": "a", "FROM": "nowhere", "EXPIRES": "2026-12-31"}
    done = CliRunner().invoke(verbs.application, ["stack"], env=given)
    assert "there is no Pulumi.nowhere.yaml" in str(done.exception)


@pytest.mark.parametrize(("destroy", "gone"), [("", []), ("1", ["dev-old"])])
def test_what_has_expired_is_listed_and_only_that_is_taken_down(
    destroy: str, gone: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = dt.date.today()
    for name, days in (("old", -1), ("last", 0), ("new", 9)):
        one = subject.Wanted(name, load_stack("dev"), "a@b.c", today + dt.timedelta(days))
        subject.make(one, today, tmp_path)
    taken: list[str] = []

    def down(stack: Stack, console: object, *, yes: bool) -> int:
        taken.extend([stack.name] if yes else [])
        return 0

    monkeypatch.setattr(deployment, "down", down)
    monkeypatch.setattr(verbs, "alone", lambda name, verb: nullcontext())
    monkeypatch.setattr(verbs, "personal", lambda: subject.personal(tmp_path))
    done = CliRunner().invoke(verbs.application, ["expired"], env={"DESTROY": destroy or "0"})
    assert done.exit_code == 0, done.output
    assert [line for line in done.output.splitlines() if "EXPIRED" in line] == [
        f"dev-old: until {today - dt.timedelta(1)}, EXPIRED, owner a@b.c"
    ]
    assert taken == gone


def test_a_last_day_that_is_none_is_named_with_its_file(tmp_path: Path) -> None:
    file, _ = subject.make(wanted(), TODAY, tmp_path)
    file.write_text(file.read_text().replace("'2026-12-31'", "soon"))
    with pytest.raises(SetupError, match=r"Pulumi.dev-alice.yaml: mlops:expiresOn is soon"):
        list(subject.personal(tmp_path))


@pytest.mark.parametrize(("yes", "terminal"), [(True, False), (False, True), (False, False)])
def test_a_pipeline_answers_in_advance_and_is_told_how(
    yes: bool, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: terminal, raising=False)
    stack = Stack("dev", "azure", Path("x"))
    if not yes and not terminal:
        with pytest.raises(SetupError, match="make refresh STACK=dev YES=1"):
            deployment.unasked(stack, "refresh", yes=yes)
    else:
        assert deployment.unasked(stack, "refresh", yes=yes) == (["--yes"] if yes else [])


def test_the_packages_of_jobs_follow_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = lock_files.ENVIRONMENTS / "scoring.lock.txt"
    file = tmp_path / committed.name
    file.write_text("old")
    assert lock_files.export(file)
    assert file.read_text() == committed.read_text()
    assert not lock_files.export(file)
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(lock_files, "_uv", lambda *words: asked.append(words))
    monkeypatch.setattr(lock_files, "ENVIRONMENTS", tmp_path / "none")
    assert not list(lock_files.lock(upgrade=True))
    assert [words[:2] for words in asked] == [("lock", "--upgrade")] * 2


def test_stacks_of_the_project_have_no_last_day() -> None:
    assert not list(subject.personal(stacks.FOLDER))
