"""Which deployment gets a request: the shares of the traffic, as the document that a rollout writes says them."""

from __future__ import annotations

import random

import msgspec

from ml.scoring.errors import Refusal, overloaded

HEADER = b"azureml-model-deployment"
"""A request with this header goes to the deployment that it names, as at an online endpoint of Azure ML."""


class Deployment(msgspec.Struct, frozen=True):
    """Where a deployment listens (`host:port`), and its percent of the traffic."""

    address: str
    share: int = 0


class Shares(msgspec.Struct, frozen=True):
    """All deployments by name; `revision` changes with every document."""

    revision: str
    deployments: dict[str, Deployment]

    def choose(self, named: bytes | None, without: str = "") -> str:
        """The deployment for one request.

        Args:
            named: what the request asks for; chance decides when it asks for nothing.
            without: one that has failed to answer it.

        Raises:
            Refusal: 404, there is none of that name; 503, none gets traffic.
        """
        if named is not None:
            name = named.decode("latin-1")
            if name not in self.deployments:
                raise Refusal(404, "no_such_deployment", "there is no deployment of the name that the header asks for")
            return name
        getting = {name: one.share for name, one in self.deployments.items() if one.share and name != without}
        if not getting:
            raise overloaded("no_deployment", "no deployment answers; try again")
        return random.choices(list(getting), list(getting.values()))[0]  # noqa: S311 - nothing is to be kept secret


def read(content: bytes) -> Shares:
    """The document.

    Raises:
        ValueError: it is none.
    """
    return msgspec.json.decode(content, type=Shares)
