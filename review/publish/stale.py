"""Marks reviews that were held against a commit which is not the newest of its branch any more. Runs no review."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from review.fragments import MARKER
from review.publish.http import PublishError
from review.publish.sticky import CONFLICT, FORBIDDEN, GONE, Comment, Comments

DATA = re.compile(r"<!-- mlops-review-data (\{.*\}) -->")
BEGIN, END = "<!-- mlops-review-stale -->", "<!-- mlops-review-stale-end -->"
MARK = re.compile(rf"{BEGIN}\n.*?{END}\n\n?", re.DOTALL)
UNKNOWN_TOKEN = 401
ATTEMPTS, SHORT = 3, 10


@dataclass(frozen=True)
class Marked:
    """What was looked at, and what is stale now. `problems`: pull requests that could not be looked at, or changed."""

    pulls: int
    reviews: int
    stale: tuple[str, ...]
    problems: tuple[str, ...]


def mark(pulls: Iterable[tuple[str, Comments]], commit: str, branch: str) -> Marked:
    """Marks every review on these pull requests that was not held against `commit`, the newest of `branch`.

    One pull request that refuses does not hold up the others. A comment that may not be changed is told only where none
    may: somebody may have pasted a review into one of their own.

    Raises:
        PublishError: the token is none.
    """
    stale, problems, refused, reviews, number = list[str](), list[str](), list[str](), 0, 0
    for name, comments in pulls:
        number += 1
        try:
            found = [one for one in comments.all() if bases(one.body)]
            reviews += len(found)
            said, forbidden = _mark_all(comments, found, commit, branch)
            stale += [name] if said else []
            refused += [f"{name}: {error}" for error in forbidden]
        except PublishError as error:
            if error.status == UNKNOWN_TOKEN:
                raise
            problems.append(f"{name}: {error}")
    return Marked(number, reviews, tuple(stale), (*problems, *(() if stale else refused)))


def _mark_all(
    comments: Comments, found: Iterable[Comment], commit: str, branch: str
) -> tuple[bool, list[PublishError]]:
    """Whether one of them says now that it is stale, and what was answered where one may not be changed."""
    said, forbidden = False, list[PublishError]()
    for one in found:
        try:
            said |= _mark(comments, one, commit, branch)
        except PublishError as error:
            if error.status != FORBIDDEN:
                raise
            forbidden.append(error)
    return said, forbidden


def _mark(comments: Comments, seen: Comment, commit: str, branch: str) -> bool:
    """Whether the comment says now that it is stale."""
    for attempt in range(ATTEMPTS):
        # Read once more right before: a run that has just ended may have written a new review meanwhile.
        now = comments.read(seen.id)
        if now is None:
            return False
        text = marked(now.body, commit, branch)
        if text == lines(now.body):
            return BEGIN in text
        try:
            comments.edit(now.id, text)
        except PublishError as error:
            if error.status == GONE:
                return False
            if error.status != CONFLICT or attempt == ATTEMPTS - 1:
                raise
            continue
        return BEGIN in text
    raise AssertionError("unreachable")


def bases(body: str) -> list[str]:
    """The commits that a review was held against, in ten digits; none of what is no review of ours."""
    found = DATA.search(body) if body.lstrip().startswith(f"<!-- {MARKER} ") else None
    try:
        stacks = json.loads(found[1])["stacks"] if found else []
        return sorted({str(one["base"]).split(" ")[0] for one in stacks})
    except (ValueError, LookupError, TypeError):
        return []


def marked(body: str, commit: str, branch: str) -> str:
    """The text of a review with a mark below its first line where it is stale, and without one where it is not."""
    text = MARK.sub("", lines(body))
    old = [one for one in bases(text) if not commit.startswith(one)]
    if not old:
        return text
    first, _, rest = text.partition("\n")
    said = (
        f"> [!WARNING]\n> **Stale:** `{branch}` is at `{commit[:SHORT]}` now, and this was held against "
        f"{', '.join(f'`{one}`' for one in old)}. Run the checks of this pull request again, and it is made anew."
    )
    return f"{first}\n{BEGIN}\n{said}\n{END}\n\n{rest}"


def lines(body: str) -> str:
    """In one way of ending lines: services differ."""
    return body.replace("\r\n", "\n")
