"""The document with the shares: a blob that is looked at every second, with the container's own identity.

It is the only thing that a gateway needs to go on after it was started again, wherever that happens.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from ml.scoring.errors import StartError
from ml.scoring.gateway.shares import Shares, read
from ml.scoring.log import say
from ml.scoring.telemetry.tokens import TokenError, Tokens, find_source

VARIABLE = "SHARES_URL"
RESOURCE = "https://storage.azure.com/"
STORAGE_VERSION = "2023-11-03"
LOOK_SECONDS = 1.0
REQUEST_SECONDS = 5.0
LOOPBACK = "127.0.0.1"


class _Https(http.client.HTTPSConnection):
    """Names below `localhost` are this machine's, whatever its resolver says (RFC 6761, 6.3)."""

    def __init__(self, host: str, context: ssl.SSLContext) -> None:
        super().__init__(host, timeout=REQUEST_SECONDS, context=context)
        self.trusted = context

    def connect(self) -> None:
        host = LOOPBACK if self.host.endswith(".localhost") else self.host
        plain = socket.create_connection((host, self.port), REQUEST_SECONDS)
        self.sock = self.trusted.wrap_socket(plain, server_hostname=self.host)


class Document:
    """Calls `changed` in a thread of its own, first when the document was read for the first time."""

    def __init__(self, environment: Mapping[str, str], changed: Callable[[Shares], None]) -> None:
        self.url = environment.get(VARIABLE, "")
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.netloc or not parts.path:
            raise StartError(f"{VARIABLE} is {self.url!r}; write the https address of the blob with the shares")
        self._host, self._path = parts.netloc, parts.path
        self._changed = changed
        self._tokens = Tokens(find_source(environment), RESOURCE)
        self._context = ssl.create_default_context()
        self._http: _Https | None = None
        self._tag = ""
        self._trouble = ""

    def start(self) -> None:
        """Looks at it from now on."""
        threading.Thread(target=self._follow, name="shares", daemon=True).start()

    def _follow(self) -> None:
        pause = threading.Event()
        while True:
            try:
                if (found := self.fetch()) is not None:
                    self._changed(found)
                self._note("")
            except (OSError, http.client.HTTPException, TokenError, ValueError) as error:
                self._forget()
                self._note(f"{type(error).__name__}: {error}")
            pause.wait(LOOK_SECONDS)

    def fetch(self) -> Shares | None:
        """The document, when it is another one than the last time.

        Raises:
            OSError, http.client.HTTPException, TokenError, ValueError: it cannot be had now.
        """
        headers = {"authorization": f"Bearer {self._tokens.get()}", "x-ms-version": STORAGE_VERSION}
        if self._tag:
            headers["if-none-match"] = self._tag
        connection = self._http = self._http or _Https(self._host, self._context)
        connection.request("GET", self._path, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status == 304:
            return None
        if answer.status != 200:
            self._tokens.forget()
            raise ValueError(f"the storage answers {answer.status}")
        self._tag = answer.headers.get("etag", "")
        return read(content)

    def _forget(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def _note(self, trouble: str) -> None:
        """One line when it begins and one when it ends: a gateway goes on with what it knows."""
        if trouble and not self._trouble:
            say("the shares cannot be read", logging.WARNING, reason=trouble)
        if self._trouble and not trouble:
            say("the shares can be read again")
        self._trouble = trouble
