"""What can be wrong with a definition, as opposed to a resource."""

from __future__ import annotations


class UnknownConstructError(ValueError):
    """A definition has a function, condition, field or effect that is not known here; the message names it."""


class RuleError(ValueError):
    """A template function failed while a rule was judged. Azure refuses a request on which that happens
    (https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule#policy-functions).
    """


class DefinitionsError(Exception):
    """Definitions or assignments could not be read; the message says from where and what to do."""
