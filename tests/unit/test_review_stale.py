"""A review that was held against an older commit says so, on both services, without being made anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from review import document, markdown
from review.publish import place, sticky
from review.publish.http import PublishError
from review.publish.stale import BEGIN, bases, marked
from review.report import Freshness, Report, StackReview
from tests.unit.review_services import Answer, AzureDevOpsServer, GitHubServer, Server, serving
from tests.unit.test_review_publish import comments, environment
from tools.commands import reviewing
from tools.progress import SetupError

OLD, NEW = "0123456789" + "a" * 30, "fedcba9876" + "b" * 30


@pytest.fixture(params=[GitHubServer, AzureDevOpsServer])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(request.param()) as running:
        yield running


def review(commit: str = OLD, stack: str = "dev") -> str:
    """The comment of a review held against a commit."""
    one = StackReview(project="mlops", stack=stack, freshness=Freshness(base=f"{commit[:10]} (origin/main)", head="x"))
    return markdown.render(Report("mlops", (one,)))


def publish(server: Server, text: str, run: int = 1) -> None:
    sticky.put(comments(server), text, run)


def run(server: Server, folder: Path, commit: str = NEW, branch: str = "main", **more: str) -> str:
    """The step of a pipeline that is about no pull request."""
    known = environment(server, folder, **more)
    known |= {"GITHUB_REF": "refs/heads/main"} if "GITHUB_REF" in known else {"SYSTEM_PULLREQUEST_PULLREQUESTID": ""}
    return place.mark_stale(commit, branch, known)


def test_what_was_held_against_an_older_commit_is_marked(server: Server, tmp_path: Path) -> None:
    server.others = [3, 4, 5]  # more than a page of pull requests before it, and of comments
    for number in range(3):
        server.add(f"somebody's {number}")
    publish(server, review())
    said = run(server, tmp_path)
    assert said == "Open pull requests into main: 4, with 1 reviews; stale: #7."
    text = server.comments[4]
    assert text.splitlines()[:5] == [
        "<!-- mlops-review project=mlops stack=dev -->",
        BEGIN,
        "> [!WARNING]",
        "> **Stale:** `main` is at `fedcba9876` now, and this was held against `0123456789`. Run the checks of this "
        "pull request again, and it is made anew.",
        "<!-- mlops-review-stale-end -->",
    ]
    assert sticky.run_of(text) == 1


def test_what_is_up_to_date_is_left_alone_and_what_is_marked_is_not_written_twice(
    server: Server, tmp_path: Path
) -> None:
    publish(server, review(NEW))
    before = server.comments[1]
    assert run(server, tmp_path).endswith("stale: none.")
    assert server.comments[1] == before
    publish(server, review(OLD, "prod"))
    run(server, tmp_path)
    number = len(server.requests)
    assert run(server, tmp_path).endswith("stale: #7.")
    assert all(one.startswith("GET") for one in server.requests[number:])


def test_the_next_review_takes_the_mark_away(server: Server, tmp_path: Path) -> None:
    publish(server, review())
    run(server, tmp_path)
    publish(server, review(NEW), 2)
    assert BEGIN not in server.comments[1]
    assert sticky.run_of(server.comments[1]) == 2


def test_a_review_that_was_written_meanwhile_is_not_overwritten(server: Server, tmp_path: Path) -> None:
    publish(server, review())
    fresh = review(NEW) + "<!-- mlops-review-run 2 -->\n"

    def write(method: str, path: str) -> None:
        if method == "GET" and path.endswith(("/comments/1", "/1/comments/1")):
            server.comments[1] = fresh

    server.before = write
    assert run(server, tmp_path).endswith("stale: none.")
    assert server.comments[1] == fresh


def test_a_conflict_is_looked_at_again_and_a_comment_that_is_gone_is_none(server: Server, tmp_path: Path) -> None:
    publish(server, review())
    server.refusals = [Answer(409, {"message": "conflict"})]
    assert run(server, tmp_path).endswith("stale: #7.")
    server.comments[1] = review()

    def delete(method: str, path: str) -> None:
        if method == "PATCH":
            server.comments.clear()

    server.before = delete
    assert run(server, tmp_path).endswith("stale: none.")


def test_a_review_that_somebody_pasted_is_theirs(server: Server, tmp_path: Path) -> None:
    publish(server, review())
    server.foreign.add(server.add(review(stack="prod")))
    assert run(server, tmp_path).endswith("stale: #7.")
    assert BEGIN not in server.comments[2]


def test_a_limit_is_waited_for(server: Server, tmp_path: Path) -> None:
    publish(server, review())
    server.refusals = [Answer(429, {"message": "slow down"}, {"retry-after": "0"})]
    assert run(server, tmp_path).endswith("stale: #7.")


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (Answer(403, {"message": "no"}), r"#7: PATCH .*(pull-requests: write|Contribute to pull requests)"),
        (Answer(422, {"message": "Validation Failed"}), r"#7: PATCH .*422 Validation Failed"),
    ],
    ids=["403", "422"],
)
def test_what_is_refused_is_told_and_holds_up_no_other(
    server: Server, tmp_path: Path, refusal: Answer, said: str
) -> None:
    server.others = [3]
    publish(server, review())
    server.refusals = [refusal]
    with pytest.raises(PublishError, match=said) as told:
        run(server, tmp_path)
    assert str(told.value).startswith("Open pull requests into main: 2, ")


def test_a_token_that_is_none_says_which_is_wanted(server: Server, tmp_path: Path) -> None:
    known = {"GITHUB_TOKEN": "another"} if isinstance(server, GitHubServer) else {"SYSTEM_ACCESSTOKEN": "another"}
    with pytest.raises(PublishError, match=r"401.*(GITHUB_TOKEN|SYSTEM_ACCESSTOKEN)"):
        run(server, tmp_path, **known)


def test_another_branchs_pull_requests_are_not_looked_at(server: Server, tmp_path: Path) -> None:
    publish(server, review())
    assert run(server, tmp_path, branch="release").startswith("Open pull requests into release: 0")
    assert "no token" in place.mark_stale(NEW, "main", {})


def test_the_verb_takes_a_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_TOKEN", "SYSTEM_ACCESSTOKEN"):
        monkeypatch.delenv(name, raising=False)
    for wrong in ("HEAD", "two words", "a-branch-that-nobody-fetched"):
        with pytest.raises(SetupError, match=f"BASE={wrong}: "):
            reviewing.marked(wrong)


def test_of_several_stacks_one_that_is_stale_is_enough() -> None:
    one = StackReview(project="mlops", stack="dev", freshness=Freshness(base=NEW[:10], head="x"))
    other = replace(one, stack="prod", freshness=Freshness(base=f"{OLD[:10]} (origin/main)", head="x"))
    text = markdown.render(Report("mlops", (one, other)))
    assert bases(text) == [OLD[:10], NEW[:10]]
    assert f"held against `{OLD[:10]}`. Run" in marked(text, NEW, "main")
    assert bases(document.machine_block(Report("mlops", (one,)))) == []
