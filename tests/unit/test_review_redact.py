"""What must not stand in a comment, by its shape."""

from __future__ import annotations

import pytest

from review.redact import Redactor
from tests.unit.review_plans import review, step

KEY = "A" * 20 + "b" * 66 + "=="
SECRETS = (
    f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY};EndpointSuffix=core.windows.net",
    "https://a.blob.core.windows.net/c?sv=2024&sig=abcDEF%2Bxyz%3D",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijkl",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----",
    "Server=tcp:a.database.windows.net;User ID=u;Password=hunter2hunter2;",
    "HostName=h;SharedAccessKeyName=n;SharedAccessKey=" + "c" * 43 + "=",
    "https://user:pa55word@example.com/x",
    "ghp_" + "a1" * 18,
    "dapi" + "0a" * 16,
    "abc8Q~" + "x" * 34,
    "Authorization: Bearer abcdefghijklmnopqrstuv",
)
HARMLESS = (
    "sha256:" + "ab" * 32,
    "/subscriptions/0a0a0a0a-0000-4000-8000-000000000000/resourceGroups/rg",
    "https://example.com/a:b@c/d",
    "registry.azurecr.io/bike@sha256:" + "0f" * 32,
    "ml/jobkit/trainers/lightgbm.py",
)
HIDDEN = (
    KEY,
    "abcDEF",
    "eyJzdWIi",
    "MIIEabc",
    "hunter2",
    "c" * 43,
    "pa55word",
    "a1a1a1",
    "0a0a0a0a0a",
    "x" * 34,
    "qrstuv",
)


@pytest.mark.parametrize(("text", "part"), list(zip(SECRETS, HIDDEN, strict=True)))
def test_a_secret_is_taken_out_by_its_shape(text: str, part: str) -> None:
    assert part in text
    assert part not in Redactor().text(f"before {text} after")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_known_secret_goes_whatever_its_shape() -> None:
    assert Redactor(("plain words",)).text("the plain words here") == "the [redacted: secret] here"


def test_ids_and_addresses_go_where_anybody_reads() -> None:
    found = Redactor(public=True).text("0a0a0a0a-0000-4000-8000-000000000000 a.b@example.com")
    assert found == "[redacted: id] [redacted: address]"


def test_a_value_is_redacted_before_it_is_cut() -> None:
    """Half of a key has no shape any more."""
    long = "x" * 80 + " " + KEY
    one = review(step("update", "azure-native:web:Thing", "a", {"v": "y"}, {"v": long}))
    assert "AAAA" not in one.changes[0].properties[0].after


def test_documents_are_redacted_in_every_text() -> None:
    assert Redactor().value({"a": [{"b": "x?sig=abcdef"}], "n": 1}) == {"a": [{"b": "x[redacted: signature]"}], "n": 1}
