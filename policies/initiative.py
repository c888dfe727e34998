"""The catalogue as an initiative of Azure Policy: Microsoft's own definitions of what our rules ask. With it Azure
looks at what is there, also when nobody runs `up`.
"""

from __future__ import annotations

import json
from typing import Any

from policies.catalogue import rules
from policies.rule import Rule

DEFINITIONS = "/providers/Microsoft.Authorization/policyDefinitions"
LEFT_OUT = frozenset(
    {
        "1e30110a-5ceb-460c-a204-c1c3969c6d62",
        "871b6d14-10aa-478d-b590-94f262ecfa99",
        "96670d01-0a4d-4649-9c89-2d3abc0a5025",
        "fd1a8e20-2c4f-4a6c-9354-b58d786d9a1f",
    }
)
"""Definitions that want values of a company's own (tags, owners of repositories). Those on tags also refuse, and Azure
makes resources in a stack's group that carry none: interfaces of private endpoints.
"""
SUBJECTS = {
    "cost": "Cost",
    "data": "Data",
    "data_factory": "Data Factory",
    "edge": "Edge",
    "eventing": "Events and workflows",
    "exemptions": "The stack file",
    "identity": "Identity",
    "kubernetes": "Kubernetes",
    "ml": "The life of a model",
    "network": "Network",
    "operations": "Operations",
    "retirement": "Retirement",
    "sql": "SQL",
    "tagging": "Tags, names, places",
}
"""By module of rules, its heading."""


def heading(subject: str) -> str:
    """What a subject is called."""
    return SUBJECTS.get(subject, subject.replace("_", " ").capitalize())


def initiative() -> dict[str, Any]:
    """What a policy set definition says (https://learn.microsoft.com/azure/governance/policy/concepts/initiative-definition-structure).
    Every effect is the definition's default, which is to audit.
    """
    found: dict[str, Rule] = {}
    for rule in rules():
        for definition in rule.sources.azure_policy:
            if definition not in LEFT_OUT:
                found.setdefault(definition, rule)
    subjects = sorted({rule.subject for rule in found.values()})
    return {
        "displayName": "MLOps platform",
        "description": "What this project's rules ask, where Microsoft has a built-in definition of it",
        "policyDefinitionGroups": [{"name": name, "displayName": heading(name)} for name in subjects],
        "policyDefinitions": [
            {
                "policyDefinitionId": f"{DEFINITIONS}/{definition}",
                "policyDefinitionReferenceId": f"{rule.name}-{definition[:8]}",
                "groupNames": [rule.subject],
            }
            for definition, rule in sorted(found.items())
        ],
    }


def as_text() -> str:
    """The committed file `infra/policy_initiative.json`."""
    return json.dumps(initiative(), indent=2) + "\n"
