"""One request to the Blob service, on its way through an operation."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.http import Request
from emulator.storage.access import Access
from emulator.storage.accounts import Account, Accounts
from emulator.storage.authorization import Authorizer
from emulator.storage.blob_store import BlobStore
from emulator.storage.conditions import Conditions
from emulator.storage.errors import invalid_header, invalid_query, missing_header
from emulator.storage.records import BlobKey

LARGEST_PAGE = 5000


@dataclass(frozen=True)
class Call:
    """A request with its account, container and blob (decoded names, "" where it has none), and what it may do."""

    request: Request
    account: Account
    container: str
    blob: str
    access: Access
    store: BlobStore
    accounts: Accounts
    authorizer: Authorizer

    @property
    def key(self) -> BlobKey:
        """The blob."""
        return BlobKey(self.account.name, self.container, self.blob)

    @property
    def conditions(self) -> Conditions:
        """The conditional headers and the lease."""
        return Conditions.from_headers(self.request.headers)

    def header(self, name: str) -> str | None:
        """A header; an empty one counts as none."""
        return self.request.headers.get(name) or None

    def required_header(self, name: str) -> str:
        """A header that must be there; 400 MissingRequiredHeader."""
        value = self.header(name)
        if value is None:
            raise missing_header(name)
        return value

    def number_header(self, name: str) -> int | None:
        """A header with a whole number; 400 InvalidHeaderValue."""
        value = self.header(name)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise invalid_header(name, value, "It is a whole number.") from None

    def query(self, name: str) -> str:
        """A query parameter, "" when there is none."""
        return self.request.query.get(name, "")

    def page_size(self) -> int:
        """`maxresults`, at most 5000."""
        text = self.query("maxresults")
        if not text:
            return LARGEST_PAGE
        if not text.isdecimal() or int(text) < 1:
            raise invalid_query("maxresults", text, "It is a whole number from 1 on.")
        return min(int(text), LARGEST_PAGE)

    def included(self) -> frozenset[str]:
        """`include`: what a list shows besides."""
        return frozenset(part.strip().lower() for part in self.query("include").split(",") if part.strip())
