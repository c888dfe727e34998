"""One comment for each marker, whatever happens beside: other pages, other runs, deleted comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from review.publish.http import PublishError

RUN = re.compile(r"<!-- mlops-review-run (\d+) -->")
GONE, CONFLICT, FORBIDDEN = 404, 409, 403
ATTEMPTS = 3


@dataclass(frozen=True)
class Comment:
    """One that is there already; ids rise with time."""

    id: str
    body: str


class Comments(Protocol):
    """The comments of one pull request."""

    def all(self) -> Iterator[Comment]:
        """Every comment, the oldest first, over all pages."""

    def read(self, identifier: str) -> Comment | None:
        """One as it is now; None when it is gone."""

    def create(self, body: str) -> str:
        """A new one; its id."""

    def edit(self, identifier: str, body: str) -> None:
        """Another text."""

    def delete(self, identifier: str) -> None:
        """Takes one of our own away."""


class Done(StrEnum):
    """What became of the comment."""

    CREATED = "created"
    EDITED = "edited"
    UNCHANGED = "unchanged"
    OLDER = "left alone: a later run has written it"


def put(comments: Comments, body: str, run: int = 0) -> Done:
    """Writes the comment whose first line is its marker.

    Args:
        run: rises with every run; an older run that comes late does not overwrite what a later one wrote.

    Raises:
        PublishError: the service does not let us.
    """
    marker, text = body.split("\n", 1)[0], f"{body.rstrip()}\n<!-- mlops-review-run {run} -->\n"
    for attempt in range(ATTEMPTS):
        try:
            return _put(comments, marker, text, run)
        except PublishError as error:
            # Deleted, or changed by another run since it was read: look again.
            if error.status not in (GONE, CONFLICT) or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _put(comments: Comments, marker: str, text: str, run: int) -> Done:
    refused: list[str] = []
    for one in _ours(comments, marker):
        if run_of(one.body) > run:
            return Done.OLDER
        if without_run(one.body) == without_run(text):
            return Done.UNCHANGED
        try:
            comments.edit(one.id, text)
        except PublishError as error:
            if error.status != FORBIDDEN:
                raise
            refused.append(one.id)  # somebody pasted our marker into a comment of their own
            continue
        return Done.EDITED
    mine = comments.create(text)
    _merge(comments, marker, text, mine, refused)
    return Done.CREATED


def _merge(comments: Comments, marker: str, text: str, mine: str, refused: list[str]) -> None:
    """Two runs that began at once both made one: the older comment stays, with the later run's text."""
    same = [one for one in _ours(comments, marker) if one.id not in refused]
    first = same[0] if same else None
    if first is None or first.id == mine:
        return
    if run_of(first.body) < run_of(text):
        comments.edit(first.id, text)
    comments.delete(mine)


def _ours(comments: Comments, marker: str) -> Iterator[Comment]:
    return (one for one in comments.all() if one.body.lstrip().startswith(marker))


def run_of(body: str) -> int:
    """The run that wrote a comment; 0 when it does not say."""
    found = RUN.search(body)
    return int(found[1]) if found else 0


def without_run(body: str) -> str:
    """The text without the run's number, and in one way of ending lines: services differ."""
    return RUN.sub("", body.replace("\r\n", "\n")).rstrip()
