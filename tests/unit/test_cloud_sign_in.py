"""Who is not signed in reads one line that says what to do."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError

from ml.clients import cloud
from ml.clients.errors import CloudError

SAID = "DefaultAzureCredential failed to retrieve a token.\nAttempted credentials:\n\tEnvironmentCredential: …"


class SignedOut:
    def get_token(self, *_scopes: str) -> None:
        raise ClientAuthenticationError(SAID)


def test_nobody_signed_in_is_one_line_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARM_METADATA_HOSTNAME", raising=False)
    cloud.load_cloud.cache_clear()
    monkeypatch.setattr(cloud, "credential", SignedOut)
    with pytest.raises(CloudError, match=r"not signed in .*failed to retrieve.*`az login`") as said:
        cloud.token("scope")
    cloud.load_cloud.cache_clear()
    assert said.value.status == 401
    assert "\n" not in str(said.value)
