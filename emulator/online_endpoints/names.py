"""Names of endpoints and deployments, and the hosts that follow from them."""

from __future__ import annotations

import re

from emulator.errors import ServiceError
from emulator.machine_learning.identifiers import WORKSPACE
from emulator.settings import INFERENCE_SUFFIX
from emulator.store import Document

ENDPOINT = f"{WORKSPACE}/onlineEndpoints"
DEPLOYMENT = f"{ENDPOINT}/deployments"
# https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#azure-machine-learning-online-endpoints-and-batch-endpoints
NAME = re.compile(r"(?=.{3,32}$)[a-zA-Z](-?[a-zA-Z0-9])*")


def check_name(document: Document, what: str) -> None:
    """400 for a name that Azure does not take."""
    if not NAME.fullmatch(document.name):
        message = (
            f"The {what} name '{document.name}' is invalid: 3 to 32 letters, digits and single dashes, "
            "first a letter, last a letter or digit."
        )
        raise ServiceError(400, "BadArgument", message, target="name")


def location(document: Document) -> str:
    """A document's location as host names have it: `westeurope`."""
    return str(document.body["location"]).lower().replace(" ", "")


def host(endpoint: Document) -> str:
    """The host name of an endpoint: unique in its region."""
    return f"{endpoint.name.lower()}.{location(endpoint)}.{INFERENCE_SUFFIX}"


def endpoint_id(deployment: Document) -> str:
    """Id of the endpoint that a deployment belongs to."""
    return deployment.id.rsplit("/", 2)[0]
