"""Which properties of a resource change, and which of the differences are none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies.resource import SECRET, UNKNOWN
from review.plan import Op, Step
from review.redact import Redactor

ABSENT = "(none)"
LATER = "known at update"
HANDED_OUT = "(as now)"
"""For what comes from another resource and is another one afterwards: both are words of Azure's."""
LONGEST = 120
NOISE_KEYS = ("azureApiVersion", "claim", "checked", "code", "environmentDigest", "evaluationDigest", "environmentTag")
"""Properties that follow from others which are shown: a digest of files whose names stand in the section on models."""


@dataclass(frozen=True)
class PropertyChange:
    """One property. `before` and `after` are texts, `ABSENT` on one side only."""

    path: str
    before: str
    after: str
    replaces: bool = False


@dataclass(frozen=True)
class Differences:
    """Of one resource; `noise` counts what was left out."""

    shown: tuple[PropertyChange, ...]
    noise: int = 0


def differences(step: Step, redactor: Redactor) -> Differences:
    """What the program gives otherwise than before. A resource that is made or removed has none."""
    if step.op in (Op.CREATE, Op.DELETE):
        return Differences(())
    shown, noise = [], 0
    for path, old, new in _walk(step.old, step.new, ""):
        if _is_noise(path, old, new):
            noise += 1
            continue
        replaces = any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in step.replaced_by)
        before = HANDED_OUT if new == UNKNOWN else text(old, redactor)
        shown.append(PropertyChange(path, before, text(new, redactor), replaces))
    hidden = [path for path in step.changed if not any(_same_place(path, one.path) for one in shown)]
    secret = [path for path in hidden if _at(step.old, path) == SECRET or _at(step.new, path) == SECRET]
    shown += [PropertyChange(path, SECRET, "[another secret]", path in step.replaced_by) for path in secret]
    return Differences(tuple(sorted(shown, key=lambda one: one.path)), noise)


def common(all_of: Sequence[Differences], least: int = 4) -> dict[PropertyChange, int]:
    """Changes that many resources share, such as a tag's, with how many do."""
    found = Counter(one for these in all_of for one in these.shown)
    return {one: count for one, count in sorted(found.items(), key=lambda item: item[0].path) if count >= least}


def text(value: Any, redactor: Redactor) -> str:
    """A value on one line: redacted first, then cut, so that no half of a secret is left."""
    written: str = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    written = " ".join(redactor.text(written).replace(UNKNOWN, f"<{LATER}>").split())
    return written if len(written) <= LONGEST else written[: LONGEST - 1] + "…"


def _walk(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            if not key.startswith("__"):
                yield from _walk(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and not _scalars(old + new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _walk(one, other, f"{path}[{index}]")
    elif old != new:
        yield path, old, new


def _scalars(values: list[Any]) -> bool:
    return all(isinstance(value, str | int | float | bool) for value in values)


def _is_noise(path: str, old: Any, new: Any) -> bool:
    if path.split(".", 1)[0].split("[", 1)[0] in NOISE_KEYS:
        return True
    if isinstance(old, str) and isinstance(new, str):  # Azure writes ids in another case than it was given them
        return old.startswith("/subscriptions/") and old.lower() == new.lower()
    if isinstance(old, list) and isinstance(new, list) and _scalars(old + new):
        return sorted(map(str, old)) == sorted(map(str, new))
    return False


def _same_place(path: str, shown: str) -> bool:
    return path == shown or shown.startswith((f"{path}.", f"{path}[")) or path.startswith((f"{shown}.", f"{shown}["))


def _at(inputs: Any, path: str) -> Any:
    for key in path.split("."):
        inputs = inputs.get(key) if isinstance(inputs, Mapping) else None
    return inputs
