"""Comments of a pull request on GitHub, and which are open. https://docs.github.com/rest/issues/comments and
https://docs.github.com/rest/pulls/pulls
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from review.publish.http import PublishError, Service
from review.publish.sticky import Comment

ADVICE = {
    401: "The token is not valid (any more): give the job GITHUB_TOKEN",
    403: "The job needs `permissions: {pull-requests: write}`; a pull request of a fork never has it",
    404: "No such pull request, or the token may not see the repository",
    422: "GitHub does not take the text: is it longer than 65,536 characters?",
}
PER_PAGE = 100


@dataclass(frozen=True)
class GitHub:
    """The comments of pull request `number` of `repository` (`owner/name`)."""

    service: Service
    repository: str
    number: int

    @classmethod
    def of(cls, api: str, token: str, repository: str, number: int) -> GitHub:
        """`api`: https://api.github.com, or that of an own server."""
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        }
        return cls(Service(api.rstrip("/"), headers, ADVICE), repository, number)

    def open(self, branch: str) -> Iterator[GitHub]:
        """Every open pull request into a branch of the repository."""
        query = urlencode({"state": "open", "base": branch, "per_page": PER_PAGE})
        for one in self._pages(f"/repos/{self.repository}/pulls?{query}"):
            yield replace(self, number=int(one["number"]))

    def all(self) -> Iterator[Comment]:
        """Every comment, over all pages."""
        for one in self._pages(f"/repos/{self.repository}/issues/{self.number}/comments?per_page={PER_PAGE}"):
            yield Comment(str(one["id"]), one.get("body") or "")

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        while path:
            answer = self.service.send("GET", path)
            yield from answer.json()
            path = answer.links.get("next", {}).get("url", "")

    def read(self, identifier: str) -> Comment | None:
        """One comment as it is now; None when it is gone."""
        found = self.service.find(f"/repos/{self.repository}/issues/comments/{identifier}")
        return Comment(identifier, found.get("body") or "") if found else None

    def create(self, body: str) -> str:
        """A new comment; its id."""
        answer = self.service.send(
            "POST", f"/repos/{self.repository}/issues/{self.number}/comments", body={"body": body}
        )
        return str(answer.json()["id"])

    def edit(self, identifier: str, body: str) -> None:
        """Another text for a comment."""
        self.service.send("PATCH", f"/repos/{self.repository}/issues/comments/{identifier}", body={"body": body})

    def delete(self, identifier: str) -> None:
        """Takes a comment away; one that is gone is none to take."""
        try:
            self.service.send("DELETE", f"/repos/{self.repository}/issues/comments/{identifier}")
        except PublishError as error:
            if error.status != 404:
                raise
