"""Comments of a pull request in Azure Repos, each the first one of a thread.

https://learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads and, for which are open,
https://learn.microsoft.com/rest/api/azure/devops/git/pull-requests/get-pull-requests
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from review.publish.http import PublishError, Service
from review.publish.sticky import Comment

VERSION = "7.1"
CLOSED, TEXT = 4, 1
"""A thread that nobody has to answer; a comment of text."""
PER_PAGE = 100
CONTINUATION = "x-ms-continuationtoken"
ADVICE = {
    401: "The token is not valid: hand System.AccessToken over as SYSTEM_ACCESSTOKEN",
    403: "The build service needs the permission “Contribute to pull requests” on the repository",
    404: "No such pull request, or the build service may not see the repository",
}


@dataclass(frozen=True)
class AzureDevOps:
    """The threads of pull request `number`."""

    service: Service
    repository: str
    number: int

    @classmethod
    def of(cls, collection: str, project: str, token: str, repository: str, number: int) -> AzureDevOps:
        """`collection`: https://dev.azure.com/<organization>."""
        headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        return cls(Service(f"{collection.rstrip('/')}/{project}/_apis/git", headers, ADVICE), repository, number)

    def open(self, branch: str) -> Iterator[AzureDevOps]:
        """Every active pull request into a branch of the repository."""
        found = 0
        while True:
            wanted = {"searchCriteria.status": "active", "searchCriteria.targetRefName": f"refs/heads/{branch}"}
            query = {**wanted, "$top": PER_PAGE, "$skip": found, "api-version": VERSION}
            path = f"/repositories/{self.repository}/pullrequests"
            page = self.service.send("GET", path, query=query).json()["value"]
            yield from (replace(self, number=int(one["pullRequestId"])) for one in page)
            found += len(page)
            if not page:
                return

    @property
    def _threads(self) -> str:
        return f"/repositories/{self.repository}/pullRequests/{self.number}/threads"

    def all(self) -> Iterator[Comment]:
        """The first comment of every thread, the oldest thread first."""
        query: dict[str, Any] = {"api-version": VERSION}
        while True:
            answer = self.service.send("GET", self._threads, query=query)
            for thread in sorted(answer.json()["value"], key=lambda one: int(one["id"])):
                first = next((one for one in thread.get("comments") or () if not one.get("isDeleted")), None)
                if first is not None and not thread.get("isDeleted"):
                    yield Comment(f"{thread['id']}/{first['id']}", first.get("content") or "")
            if not (token := answer.headers.get(CONTINUATION)):
                return
            query = {**query, "continuationToken": token}

    def read(self, identifier: str) -> Comment | None:
        """One comment as it is now; None when it is gone."""
        found = self.service.find(self._comment(identifier), query={"api-version": VERSION})
        there = found is not None and not found.get("isDeleted")
        return Comment(identifier, found.get("content") or "") if found and there else None

    def create(self, body: str) -> str:
        """A new thread; the id of its comment."""
        comment = {"parentCommentId": 0, "content": body, "commentType": TEXT}
        made = {"comments": [comment], "status": CLOSED}
        answer = self.service.send("POST", self._threads, body=made, query={"api-version": VERSION}).json()
        return f"{answer['id']}/{answer['comments'][0]['id']}"

    def edit(self, identifier: str, body: str) -> None:
        """Another text for a comment."""
        self.service.send("PATCH", self._comment(identifier), body={"content": body}, query={"api-version": VERSION})

    def delete(self, identifier: str) -> None:
        """Takes a comment away; one that is gone is none to take."""
        try:
            self.service.send("DELETE", self._comment(identifier), query={"api-version": VERSION})
        except PublishError as error:
            if error.status != 404:
                raise

    def _comment(self, identifier: str) -> str:
        thread, _, comment = identifier.partition("/")
        return f"{self._threads}/{thread}/comments/{comment}"
