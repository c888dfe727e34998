"""Personal stacks: one for a person, made of another stack's file, with a last day after which it is taken down."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.naming import Kind, Naming
from tools.progress import SetupError
from tools.stacks import FOLDER, PROJECT, Stack, load_stack, stack_names

EXPIRES = f"{PROJECT}:expiresOn"
NAME = re.compile(r"[a-z][a-z0-9]*")
MOST_DAYS = 366
ONES_OWN = ("existing", "federation", "nameSalt")
"""Keys that only one stack can have: what it has taken over, whom it trusts, and what keeps its names apart."""
KEY_OF_SECRETS = ("encryptionsalt", "encryptedkey", "secretsprovider")


@dataclass(frozen=True)
class Personal:
    """A stack that has a last day."""

    stack: Stack
    owner: str
    expires: dt.date

    def expired(self, today: dt.date) -> bool:
        """Whether the last day has passed."""
        return self.expires < today


@dataclass(frozen=True)
class Wanted:
    """What a person asks for: a stack `name` like `origin`, for `owner`, until `expires`."""

    name: str
    origin: Stack
    owner: str
    expires: dt.date

    @property
    def stack(self) -> str:
        """The name of the stack."""
        return f"{self.origin.name}-{self.name}"


def day(text: str, today: dt.date) -> dt.date:
    """EXPIRES as a day.

    Raises:
        SetupError: it is none, has passed, or is more than a year away.
    """
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        raise SetupError(f"EXPIRES={text} is no day: write it such as EXPIRES={today + dt.timedelta(30)}") from None
    if found < today:
        raise SetupError(f"EXPIRES={text} has passed: today is {today}")
    if found > today + dt.timedelta(MOST_DAYS):
        raise SetupError(f"EXPIRES={text} is more than a year away: a personal stack goes within {MOST_DAYS} days")
    return found


def check_name(name: str, origin: Stack) -> None:
    """Sees to it that every name in Azure says whose it is.

    Raises:
        SetupError: the name has other characters, or would be cut.
    """
    if not NAME.fullmatch(name):
        raise SetupError(f"NAME={name}: write lower-case letters and digits, a letter first, such as NAME=alice")
    naming = Naming.of(subscription_id="", project=PROJECT, stack=f"{origin.name}-{name}")
    made = naming.name(Kind.ML_WORKSPACE)
    if naming.stack not in made:
        most = len(name) - (len(naming.stack) - len(made.split("-")[2]))
        raise SetupError(
            f"NAME={name} is too long: in the name of the Azure ML workspace, which has 33 characters at most, there "
            f"is room for {most}"
        )


def configuration(wanted: Wanted, today: dt.date) -> tuple[dict[str, Any], list[str]]:
    """The content of the new file, and remarks on what it has not of its origin.

    Raises:
        SetupError: the origin is no stack to make a personal one of.
    """
    content = wanted.origin.configuration()
    config: dict[str, Any] = dict(content["config"])
    if config.get(f"{PROJECT}:environment") == "prod":
        raise SetupError(
            f"FROM={wanted.origin.name} is a production stack, whose vault cannot be purged for 90 days: write FROM=dev"
        )
    if EXPIRES in config:
        raise SetupError(f"FROM={wanted.origin.name} is a personal stack itself: write FROM=dev")
    remarks = []
    for key in [f"{PROJECT}:{one}" for one in ONES_OWN if f"{PROJECT}:{one}" in config]:
        del config[key]
        remarks.append(f"left out: {key}, which one stack alone can have")
    head = {key: content[key] for key in KEY_OF_SECRETS if wanted.origin.emulated and key in content}
    for key in [key for key, value in config.items() if not head and isinstance(value, Mapping) and "secure" in value]:
        del config[key]
        remarks.append(f"left out: {key}, a secret; set it: pulumi config set --secret {key} --stack {wanted.stack}")
    if not head and "secretsprovider" in content:
        provider = content["secretsprovider"]
        remarks.append(
            f"its secrets need a key, first: pulumi stack init {wanted.stack} --secrets-provider '{provider}'"
        )
    if "hubNetworkId" in (config.get(f"{PROJECT}:network") or {}):
        remarks.append(f"{PROJECT}:network: networks at one hub must not overlap; write another addressSpace")
    operations = config.get(f"{PROJECT}:operations") or {}
    if "budgetStart" in operations:
        config[f"{PROJECT}:operations"] = {**operations, "budgetStart": today.replace(day=1).isoformat()}
    config |= {f"{PROJECT}:owner": wanted.owner, EXPIRES: wanted.expires.isoformat()}
    return {**head, "config": config}, remarks


def make(wanted: Wanted, today: dt.date, folder: Path = FOLDER) -> tuple[Path, list[str]]:
    """Writes the file of a personal stack; gives it, and remarks on it.

    Raises:
        SetupError: it is there already, or what is asked for is not possible.
    """
    check_name(wanted.name, wanted.origin)
    if not wanted.owner.strip():
        raise SetupError("OWNER is missing, and git knows no user.email: write for instance OWNER=alice@example.com")
    file = folder / f"Pulumi.{wanted.stack}.yaml"
    if file.exists():
        raise SetupError(f"NAME={wanted.name}: {folder.name}/{file.name} is there already; it stays as it is")
    content, remarks = configuration(wanted, today)
    head = (
        f"# Like {wanted.origin.name}, for {wanted.owner} until {wanted.expires}; `make expired` then takes it down.\n"
    )
    file.write_text(head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return file, remarks


def personal(folder: Path = FOLDER) -> Iterator[Personal]:
    """Every stack that has a last day.

    Raises:
        SetupError: what stands there is no day.
    """
    for name in stack_names(folder):
        stack = load_stack(name, folder)
        config: Mapping[str, Any] = stack.configuration().get("config") or {}
        if EXPIRES not in config:
            continue
        text = str(config[EXPIRES])
        try:
            last = dt.date.fromisoformat(text)
        except ValueError:
            raise SetupError(
                f'{folder.name}/{stack.file.name}: {EXPIRES} is {text}, which is no day; write it such as "2027-01-31"'
            ) from None
        yield Personal(stack, str(config.get(f"{PROJECT}:owner", "")), last)
