"""What deployments have in common wherever they run: their names, and what a scoring server is told."""

from __future__ import annotations

import hashlib

from ml.clients.arm import arm
from ml.clients.errors import CloudError
from ml.rollout.core.ports import digest_of

COMPONENT_VERSION = "2020-02-02"
ANSWER_SECONDS = 30
"""What gateway and server allow a request, unless a model is slower."""


def deployment_name(version: int, image: str, size: str) -> str:
    """`v<version>-<8 hexadecimal digits>`: another image or another size of machine is another deployment, because
    Azure changes neither of a deployment that has traffic without a gap.
    """
    parts = f"{digest_of(image)} {size}"
    return f"v{version}-{hashlib.sha256(parts.encode()).hexdigest()[:8]}"


def variables(application_insights_id: str | None, identity_client_id: str | None) -> dict[str, str]:
    """What a scoring server is told of its surroundings. The connection string is looked up here and kept nowhere.

    Raises:
        CloudError: there is no such component.
    """
    found = {"ORT_DISABLE_TELEMETRY": "1"}
    if identity_client_id:
        found["AZURE_CLIENT_ID"] = identity_client_id
    if application_insights_id:
        document = arm().get(application_insights_id, COMPONENT_VERSION)
        if document is None:
            raise CloudError(f"there is no Application Insights component {application_insights_id}", status=404)
        found["APPLICATIONINSIGHTS_CONNECTION_STRING"] = str(document["properties"]["ConnectionString"])
    return found


def patience(answer_seconds: float) -> dict[str, str]:
    """What a scoring server is told of the time it has for a request; nothing where its own default will do."""
    return {"SCORING_SECONDS": f"{answer_seconds:g}"} if answer_seconds > ANSWER_SECONDS else {}
