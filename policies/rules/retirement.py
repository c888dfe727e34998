"""Retirement: features, sizes, versions and runtimes that Azure ends, and API versions that are not finished."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from policies.configuration import Configuration
from policies.resource import AZURE
from policies.rule import ADVICE, ALWAYS, STRICTER, Rule, Severity, Sources
from policies.view import View

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "policies" / "retirements.yaml"
VERSIONS = ROOT / "infra" / "api-versions.txt"
"""The version that each type is sent with: the names of azure-native hide it."""
LIFE_CYCLES = ROOT / "infra" / "api-lifecycles.yaml"
"""API versions that Azure ends, and for how long there is a reason to use one all the same."""
AHEAD = dt.timedelta(days=365)
SIZED = ("machinelearningservices:Compute", "containerservice:*", "datafactory:LinkedService", "ml:Rollout")
SIZE_KEYS = ("vmSize", "instanceType", "newClusterNodeType", "nodeType")
IN_TOKEN = re.compile(r"v(\d{4})(\d\d)(\d\d)(preview)?")
PREVIEW = "-preview"
GENERIC = f"{AZURE}resources:Resource"
SENT = "sentVersions"
"""No key of a stack file: where `with_versions` puts a list."""


@dataclass(frozen=True)
class End:
    """What ends, when, and who says so."""

    what: str
    date: dt.date
    source: str
    instead: str = ""
    ahead: dt.timedelta = AHEAD
    """How long before it is worth a word."""

    def __str__(self) -> str:
        return f"{self.what}{f' (instead: {self.instead})' if self.instead else ''}, see {self.source}"


@cache
def table() -> Mapping[str, Any]:
    """The facts."""
    return dict(yaml.safe_load(TABLE.read_text()))


@cache
def life_cycles() -> Mapping[str, Any]:
    """The facts about API versions."""
    return dict(yaml.safe_load(LIFE_CYCLES.read_text()))


@cache
def sent_versions() -> Mapping[str, str]:
    """By type (`storage:StorageAccount`), the API version that is sent."""
    return versions_in(VERSIONS.read_text())


def versions_in(text: str) -> dict[str, str]:
    """A list of such versions, a line a type."""
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if line)


def with_versions(config: Configuration, text: str) -> Configuration:
    """A stack's configuration with the list that another commit sends by: what a change of packages brings in is
    found new against it.
    """
    return Configuration({**config.values, SENT: versions_in(text)}, config.today)


def sent_as(one: View) -> str:
    """The short type that a resource is sent as: of azure-native's generic one what it stands for, such as
    `keyvault:vaults/secrets`.
    """
    if one.type != GENERIC:
        return one.short_type
    namespace = str(one.get("resourceProviderNamespace", "")).lower().removeprefix("microsoft.")
    return f"{namespace}:{one.get('resourceType', '')}"


def api_version(one: View) -> str:
    """The API version that a resource is really sent with; "" when nobody has written it down."""
    if one.type == GENERIC:
        return str(one.get("apiVersion", ""))
    module = one.type.removeprefix(AZURE).partition(":")[0].partition("/")[2]
    if found := IN_TOKEN.fullmatch(module):
        year, month, day, preview = found.groups()
        return f"{year}-{month}-{day}{PREVIEW if preview else ''}"
    return str((one.config.get(SENT) or sent_versions()).get(one.short_type, ""))


def _at(value: Any, path: str) -> Iterator[Any]:
    """What stands at a path; None where nothing does. `*` is each entry of a list."""
    if not path:
        yield value
        return
    step, _, rest = path.partition(".")
    if step == "*":
        for inner in value or ():
            yield from _at(inner, rest)
    elif isinstance(value, Mapping) and step in value:
        yield from _at(value[step], rest)
    else:
        yield None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _features(one: View) -> Iterator[End]:
    for row in table()["features"]:
        if not any(fnmatchcase(one.short_type, pattern) for pattern in row["types"]):
            continue
        found = {_text(value) for path in row["at"] for value in _at(one.inputs, path)}
        if any(re.fullmatch(row["value"], text, re.IGNORECASE) for text in found if text or row["value"].endswith("|")):
            yield End(row["what"], row["date"], row["source"], row["instead"])


def _sizes(one: View) -> Iterator[End]:
    if not any(fnmatchcase(one.short_type, pattern) for pattern in SIZED):
        return
    for size in sorted(set(_named_sizes(one.inputs))):
        for row in table()["sizes"]:
            if re.fullmatch(row["value"], size, re.IGNORECASE):
                yield End(f"the size {size}", row["date"], row["source"])


def _named_sizes(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key in value:
            if key in SIZE_KEYS:
                yield str(value[key])
            elif key in ("properties", "agentPoolProfiles"):
                yield from _named_sizes(value[key])
    elif not isinstance(value, str) and isinstance(value, Iterable):
        for inner in value:
            yield from _named_sizes(inner)


def _releases(one: View) -> Iterator[End]:
    for types, path, name in (
        (("containerservice:ManagedCluster",), "kubernetesVersion", "kubernetes"),
        (("containerservice:AgentPool",), "orchestratorVersion", "kubernetes"),
        (("datafactory:LinkedService",), "properties.newClusterVersion", "databricks"),
    ):
        if one.short_type in types and (found := re.match(r"\d+\.\d+", str(one.get(path, "")))):
            release, facts = found.group(), table()[name]
            first = min(facts["versions"], key=_number)
            if release in facts["versions"] or _number(release) < _number(first):
                end = facts["versions"].get(release, facts["versions"][first])
                ahead = dt.timedelta(days=facts["days_ahead"])
                yield End(f"{name.capitalize()} {release}", end, facts["source"], ahead=ahead)


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


def ends(one: View) -> Iterator[End]:
    """Everything that a resource uses and that ends some day; reports on a stack's future read this too."""
    yield from _features(one)
    yield from _sizes(one)
    yield from _releases(one)


def _ended(one: View) -> Iterator[str]:
    for end in ends(one):
        if end.date <= one.config.today:
            yield f"uses {end}: it ended on {end.date}"


def _ending(one: View) -> Iterator[str]:
    for end in ends(one):
        if one.config.today < end.date <= one.config.today + end.ahead:
            yield f"uses {end}: it ends on {end.date}"


def _reasoned(one: View, version: str) -> bool:
    """Whether somebody has written down why this version, and the reason still holds."""
    return any(
        fnmatchcase(sent_as(one), row["name"]) and row["version"] == version and one.config.today < row["until"]
        for row in life_cycles()["reasons"]
    )


def _finished(one: View) -> Iterator[str]:
    version = api_version(one)
    if version.endswith(PREVIEW) and not _reasoned(one, version):
        yield f"is sent with the API version {version}, which Azure may take back"
    elif not version:
        yield "is sent with an API version that infra/api-versions.txt does not say"


def _api_ends(one: View) -> Iterator[str]:
    version = api_version(one)
    for row in life_cycles()["retirements"]:
        named = any(fnmatchcase(sent_as(one), pattern) for pattern in row["names"])
        soon = row["date"] <= one.config.today + AHEAD
        if named and soon and version and version < row["before"] and not _reasoned(one, version):
            yield f"is sent with the API version {version}, which ends on {row['date']}, see {row['source']}"


AZURE_TYPES = ("*:*",)


def _of_azure(check: Any) -> Any:
    """The check, of resources that Azure makes."""
    return lambda one: check(one) if one.type.startswith(AZURE) else ()


ENDED = Rule(
    id="L-01",
    name="ended",
    title="Nothing is used that Azure has ended",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=AZURE_TYPES,
    fix="Use what is named instead; sizes stand below mlops:compute, mlops:gpu, mlops:serving and mlops:kubernetes",
    sources=Sources(benchmark=("AM-3",), page="https://azure.microsoft.com/updates?filters=%5B%22Retirements%22%5D"),
    check=_ended,
)
ENDING = Rule(
    id="L-02",
    name="ending",
    title="Nothing is used that Azure ends within a year",
    severity=Severity.MEDIUM,
    levels=ADVICE,
    types=AZURE_TYPES,
    fix="Plan for what is named instead; sizes stand below mlops:compute, mlops:gpu, mlops:serving, mlops:kubernetes",
    sources=Sources(benchmark=("AM-3",), page="https://azure.microsoft.com/updates?filters=%5B%22Retirements%22%5D"),
    check=_ending,
)
NO_PREVIEW = Rule(
    id="T-08",
    name="no-preview-api",
    title="No API version is a preview, unless somebody has said why and until when",
    severity=Severity.MEDIUM,
    levels=STRICTER,
    types=AZURE_TYPES,
    fix="Name a version in the class (azure_native.<module>.v20230701), or a reason in infra/api-lifecycles.yaml",
    sources=Sources(
        page="https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types"
    ),
    check=_of_azure(_finished),
)
API_ENDS = Rule(
    id="L-03",
    name="api-ends",
    title="No API version ends within a year, unless somebody has said why it is used",
    severity=Severity.HIGH,
    levels=ALWAYS,
    types=AZURE_TYPES,
    fix="Name a later version in the class, or write a reason into infra/api-lifecycles.yaml",
    sources=Sources(page="https://learn.microsoft.com/azure/key-vault/general/migrate-api-version"),
    check=_of_azure(_api_ends),
)
