"""HTTP servers on this machine that behave like the comment APIs of GitHub and Azure DevOps."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

TOKEN = "a-token"
LONGEST = 65_536


@dataclass
class Answer:
    """What a server says."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """Comments by id. `refusals` are given first, one a request that changes something; `before` is called ahead of
    each request, so that a test can do something at the same time.
    """

    base: str = ""
    comments: dict[int, str] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)
    """Numbers of further open pull requests into main, which have no comments."""
    foreign: set[int] = field(default_factory=set)
    """Comments of somebody else, which the token may not change."""
    requests: list[str] = field(default_factory=list)
    refusals: list[Answer] = field(default_factory=list)
    before: Callable[[str, str], None] = lambda method, path: None
    page: int = 2
    next: int = 1

    def add(self, text: str) -> int:
        """A comment that is there."""
        identifier, self.next = self.next, self.next + 1
        self.comments[identifier] = text
        return identifier

    def open(self, branch: str) -> list[int]:
        """Numbers of the open pull requests into a branch: 7 is the one with the comments."""
        return [*self.others, 7] if branch == "main" else []

    def answer(self, method: str, url: str, body: Any, headers: Any) -> Answer:
        """One request."""
        parsed = urlparse(url)
        self.requests.append(f"{method} {parsed.path}")
        self.before(method, parsed.path)
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return self.unknown()
        if method != "GET" and self.refusals:
            return self.refusals.pop(0)
        return self.serve(method, parsed.path, parse_qs(parsed.query), body)

    def unknown(self) -> Answer:
        """To a token that is none."""
        raise NotImplementedError

    def serve(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        """To a request that may be made."""
        raise NotImplementedError

    def numbered(self, path: str) -> int:
        """The comment that a path names; 0 when there is none."""
        last = int(path.rsplit("/", 1)[-1]) if path.rsplit("/", 1)[-1].isdigit() else 0
        return last if last in self.comments else 0


class GitHubServer(Server):
    """Pages with a Link header, 422 for long texts, 403 for others' comments."""

    def unknown(self) -> Answer:
        return Answer(401, {"message": "Bad credentials"})

    def serve(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        if body is not None and len(body["body"].encode("utf-16-le")) // 2 > LONGEST:
            return Answer(422, {"message": "Validation Failed"})
        page = int(query.get("page", ["1"])[0])
        if path == "/repos/o/r/pulls":
            return self.paged("/repos/o/r/pulls", page, [{"number": one} for one in self.open(query["base"][0])])
        if path == "/repos/o/r/issues/7/comments" and method == "GET":
            found = [{"id": one, "body": text} for one, text in sorted(self.comments.items())]
            return self.paged(path, page, found)
        if path.endswith("/comments") and method == "GET":
            return Answer(200, [])
        if path == "/repos/o/r/issues/7/comments":
            return Answer(201, {"id": self.add(body["body"]), "body": body["body"]})
        number = self.numbered(path)
        if not number:
            return Answer(404, {"message": "Not Found"})
        if number in self.foreign and method != "GET":
            return Answer(403, {"message": "Resource not accessible by integration"})
        if method == "DELETE":
            del self.comments[number]
            return Answer(204)
        if method == "PATCH":
            self.comments[number] = body["body"]
        return Answer(200, {"id": number, "body": self.comments[number]})

    def paged(self, path: str, page: int, found: list[Any]) -> Answer:
        link = f'<{self.base}{path}?base=main&page={page + 1}>; rel="next"' if len(found) > page * self.page else ""
        return Answer(200, found[(page - 1) * self.page : page * self.page], {"link": link} if link else {})


class AzureDevOpsServer(Server):
    """Threads with one comment each, a continuation token, and a page to sign in where a token is none."""

    def unknown(self) -> Answer:
        return Answer(203, "<html>Sign in</html>")

    def serve(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        repository = "/p/_apis/git/repositories/r"
        threads = f"{repository}/pullRequests/7/threads"
        if query.get("api-version") != ["7.1"] or not path.startswith(repository):
            return Answer(404, {"message": "not found"})
        if path == f"{repository}/pullrequests":
            return self.active(query)
        if path.endswith("/threads") and path != threads:
            return Answer(200, {"value": []})
        if path == threads:
            start = int(query.get("continuationToken", ["0"])[0])
            return self.listed(start) if method == "GET" else self.created(body)
        number = int(path.removeprefix(f"{threads}/").split("/")[0])
        if number not in self.comments:
            return Answer(404, {"message": "The thread does not exist"})
        if number in self.foreign and method != "GET":
            return Answer(403, {"message": "TF401027: You need the Git 'PullRequestContribute' permission"})
        if method == "DELETE":
            del self.comments[number]
            return Answer(200)
        if method == "PATCH":
            self.comments[number] = body["content"]
        return Answer(200, self.thread(number)["comments"][0])

    def active(self, query: dict[str, list[str]]) -> Answer:
        skip, branch = int(query["$skip"][0]), query["searchCriteria.targetRefName"][0].removeprefix("refs/heads/")
        found = self.open(branch)[skip : skip + min(self.page, int(query["$top"][0]))]
        return Answer(200, {"value": [{"pullRequestId": one} for one in found]})

    def thread(self, number: int) -> dict[str, Any]:
        return {"id": number, "comments": [{"id": 1, "content": self.comments[number]}], "status": "closed"}

    def listed(self, start: int) -> Answer:
        found = sorted(self.comments)[start : start + self.page]
        more = len(self.comments) > start + self.page
        headers = {"x-ms-continuationtoken": str(start + self.page)} if more else {}
        return Answer(200, {"value": [self.thread(number) for number in found]}, headers)

    def created(self, body: Any) -> Answer:
        return Answer(200, self.thread(self.add(body["comments"][0]["content"])))


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """The server on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            said = server.answer(self.command, self.path, body, self.headers)
            text = b"" if said.status == 204 else json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in {**said.headers, "content-length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the standard library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.base = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        http.shutdown()
        thread.join()
