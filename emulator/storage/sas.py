"""Shared access signatures: making them and checking them.

https://learn.microsoft.com/rest/api/storageservices/create-account-sas, create-service-sas and
create-user-delegation-sas
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, urlencode

from emulator.entra.principal import Principal
from emulator.storage.access import Access
from emulator.storage.clock import iso_date, parse_iso_date
from emulator.storage.delegation import Delegation, DelegationKey
from emulator.storage.errors import StorageError, invalid_query, unsupported
from emulator.storage.shared_key import sign

VERSION = "2025-11-05"
"""The newest version of the service that the emulator follows."""
OLDEST_VERSION = "2018-11-09"
OVERRIDES = {
    "rscc": "cache-control",
    "rscd": "content-disposition",
    "rsce": "content-encoding",
    "rscl": "content-language",
    "rsct": "content-type",
}
UNSUPPORTED = {
    "si": "a stored access policy",
    "sip": "certain addresses",
    "ses": "an encryption scope",
    "sduoid": "a certain user",
    "skdutid": "a user of another tenant",
}
"""What narrows a signature and is not looked at here: it must not pass unseen."""
KEY_FIELDS = ("skoid", "sktid", "skt", "ske", "sks", "skv")
ACCOUNT_FIELDS = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv")


def check_signature(
    query: Mapping[str, str], account: str, keys: Sequence[str], place: tuple[str, str], delegation: Delegation
) -> Access:
    """What the signature in a query allows.

    Args:
        keys: the account's keys; empty when they are not to be used.
        place: container and blob of the request.

    Raises:
        StorageError: 403, with what is wrong with the signature.
    """
    if "sv" not in query or query["sv"] < OLDEST_VERSION:
        raise unsupported(
            f"shared access signatures of version {query.get('sv', '(none)')}, older than {OLDEST_VERSION}"
        )
    for name, meaning in UNSUPPORTED.items():
        if name in query:
            raise unsupported(f"shared access signatures with {meaning} ({name})")
    if "sr" not in query:
        return check_account_signature(query, account, keys)
    resource, texts = signed_resource(query, account, place)
    check_keys, signer = keys, None
    if "skoid" in query:
        key = DelegationKey(*(query.get(name, "") for name in KEY_FIELDS))
        if not key.valid(time.time()):
            raise refused("The user delegation key has expired or is not valid yet.")
        check_keys, signer = [delegation.value(account, key)], Principal(key.object_id, "", "")
    elif not keys:
        raise StorageError("KeyBasedAuthenticationNotPermitted")
    verify(query, check_keys, texts)
    check_time(query)
    overrides = {OVERRIDES[name]: query[name] for name in OVERRIDES if name in query}
    return Access(query.get("sp", ""), container=resource[0], blob=resource[1], overrides=overrides, principal=signer)


def check_account_signature(query: Mapping[str, str], account: str, keys: Sequence[str]) -> Access:
    """What an account SAS allows."""
    if not keys:
        raise StorageError("KeyBasedAuthenticationNotPermitted")
    verify(query, keys, [account_text(query, account)])
    check_time(query)
    if "b" not in query.get("ss", ""):
        raise StorageError("AuthorizationServiceMismatch")
    return Access(query.get("sp", ""), query.get("srt", ""))


def check_time(query: Mapping[str, str]) -> None:
    """Raises 403 before the start and from the expiry on."""
    start = parse_iso_date(query["st"]) if query.get("st") else 0.0
    expiry = parse_iso_date(query.get("se", ""))
    if start is None or expiry is None or not start <= time.time() < expiry:
        shown = f"Start [{query.get('st', '')}] - Current [{iso_date(time.time())}] - Expiry [{query.get('se', '')}]"
        raise refused(f"Signature not valid in the specified time frame: {shown}")


def verify(query: Mapping[str, str], keys: Iterable[str], texts: Sequence[str]) -> None:
    """Raises 403 unless one of the keys made the signature."""
    given = query["sig"].encode()
    if not any(hmac.compare_digest(sign(key, text).encode(), given) for key in keys for text in texts):
        raise refused(f"Signature did not match. String to sign used was {texts[0]}")


def refused(detail: str) -> StorageError:
    """403 with the reason."""
    return StorageError("AuthenticationFailed", elements={"AuthenticationErrorDetail": detail})


# -- strings to sign


def account_text(query: Mapping[str, str], account: str) -> str:
    """What an account SAS signs."""
    values = [account, *(query.get(name, "") for name in ACCOUNT_FIELDS)]
    if query.get("sv", "") >= "2020-12-06":
        values.append(query.get("ses", ""))
    return "\n".join(values) + "\n"


def signed_resource(
    query: Mapping[str, str], account: str, place: tuple[str, str]
) -> tuple[tuple[str, str], list[str]]:
    """The container and blob a signature is for ("" for every blob), and what it signs."""
    container, blob = place
    if query["sr"] == "c":
        resource = (container, "")
        path = f"/blob/{account}/{container}"
    elif query["sr"] == "b":
        resource = (container, blob)
        path = f"/blob/{account}/{container}/{blob}"
    elif query["sr"] in ("bs", "bv", "d"):
        raise unsupported(f"shared access signatures for snapshots, versions or directories (sr={query['sr']})")
    else:
        raise invalid_query("sr", query["sr"])
    return resource, [service_text(query, path)]


def service_text(query: Mapping[str, str], path: str) -> str:
    """What a service SAS or a user delegation SAS signs; later versions sign more."""
    version = query["sv"]

    def values(*names: str) -> list[str]:
        return [query.get(name, "") for name in names]

    lines = [*values("sp", "st", "se"), path]
    if "skoid" in query:
        lines += values(*KEY_FIELDS)
        lines += values("saoid", "suoid", "scid") if version >= "2020-02-10" else []
        lines += values("skdutid", "sduoid") if version >= "2025-07-05" else []
    else:
        lines += values("si")
    lines += [*values("sip", "spr", "sv", "sr"), ""]
    lines += values("ses") if version >= "2020-12-06" else []
    return "\n".join(lines + values(*OVERRIDES))


# -- making them


def account_signature(query: Mapping[str, str], account: str, key: str) -> str:
    """An account SAS as a query string; `query` holds sp, ss, srt, se and whatever else is wanted."""
    full = {**query, "sv": query.get("sv", VERSION)}
    return to_query({**full, "sig": sign(key, account_text(full, account))})


def delegated_signature(
    account: str, container: str, permissions: str, seconds: float, key: DelegationKey, value: str
) -> str:
    """A SAS for a container as a query string, signed with a user delegation key: valid whatever the account says
    about keys.
    """
    key_values = (key.object_id, key.tenant_id, key.start, key.expiry, key.service, key.version)
    now = time.time()
    query = {
        "sp": permissions,
        "st": key.start,
        "se": iso_date(now + seconds),
        "spr": "https",
        "sv": VERSION,
        "sr": "c",
    }
    query.update(zip(KEY_FIELDS, key_values, strict=True))
    return to_query({**query, "sig": sign(value, service_text(query, f"/blob/{account}/{container}"))})


def to_query(query: Mapping[str, str]) -> str:
    """Query parameters as text."""
    return urlencode(query, quote_via=quote)
