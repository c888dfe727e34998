"""The catalogue as a page: docs/policies.md."""

from __future__ import annotations

from collections.abc import Iterator

from policies.catalogue import rules
from policies.initiative import heading
from policies.rule import Level, Rule

SIGNS = {Level.DISABLED: "off", Level.ADVISORY: "advice", Level.MANDATORY: "stops", Level.REMEDIATE: "added"}
HEAD = """# Rules

What a stack may declare. `make policy STACK=prod` holds a stack to them without an account, and plain Pulumi does the
same: `pulumi preview --policy-pack policies` (after `make policy`, which makes the pack's own environment). `make
policy` ends with an error when a rule **stops** an update; **advice** is only shown; what can be **added** is added,
and shown. A rule that reads a value which is known only at the update says "checked at update": it never passes what
it cannot read.

Levels are those of `mlops:environment`: the second one in each row is that of `prod`, the first that of every other.
A stack file may say another one, and let a resource through for a while:

```yaml
mlops:policy:
  overrides:
    storage-redundancy: mandatory # disabled, advisory, mandatory or remediate
  exemptions:
    - rule: endpoint-signs-in # or its id, R-07
      resource: bike_buyer-endpoint # as a preview shows it; * stands for any characters
      reason: Clients of the shops have no identity in Entra.
      expires: "2027-05-31" # the last day; a rule stops the update after it, and warns 14 days before
```

A rule is a value in `policies/rules/<subject>.py`; a new one needs a case in `tests/program/policies/cases.py`: one
change of a stack of this program that it finds, and that no other rule finds. What Azure ends stands in
`policies/retirements.yaml` and `infra/api-lifecycles.yaml`, what a gate has to ask at least in
`policies/floors.yaml`. The definitions of Azure Policy named here are an initiative too
(`infra/policy_initiative.json`).

Sources: GUIDs are definitions of Azure Policy, AA-1 controls of the Microsoft cloud security benchmark, CKV checks of
Checkov, AZR rules of PSRule for Azure.
"""


def page(command: str) -> str:
    """All rules, a table a subject. `command` writes the page anew."""
    subjects = sorted({rule.subject for rule in rules()}, key=heading)
    parts = [HEAD, f"There are {len(rules())}. Made by `{command}`; do not edit.\n"]
    for subject in subjects:
        parts += [f"## {heading(subject)}\n", *_table([rule for rule in rules() if rule.subject == subject]), ""]
    return "\n".join(parts).rstrip("\n") + "\n"


def _table(found: list[Rule]) -> Iterator[str]:
    yield "| rule | dev / prod | what holds | what to do | sources |"
    yield "| --- | --- | --- | --- | --- |"
    for rule in found:
        levels = f"{SIGNS[rule.levels.dev]} / {SIGNS[rule.levels.prod]}"
        name = f"{rule.id} `{rule.name}`, {rule.severity}"
        title = f"[{rule.title}]({rule.sources.link})" if rule.sources.link else rule.title
        cells = (name, levels, title, rule.fix, _sources(rule))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _sources(rule: Rule) -> str:
    found = rule.sources
    return ", ".join([*found.azure_policy, *found.benchmark, *found.checkov, *found.psrule]) or "own"
