"""The pack's server: pulumi-policy's own, but for how it goes through the rules.

The stock server takes the message of a resource apart anew for every rule, most of a millisecond each time: twenty
thousand times for a stack of 230 resources. This one does it once a resource, and asks only the rules of its type.
It also lets rules about the whole stack see what the program says (inputs), not what a provider makes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    ResourceValidationPolicy,
    StackValidationPolicy,
)
from pulumi_policy import Severity as PackSeverity
from pulumi_policy import policy as stock

from policies.configuration import Configuration
from policies.exemptions import exemptions, holding
from policies.judgement import DEFERRED, name_of, of_resource
from policies.levels import level
from policies.pack import messages
from policies.resource import Resource
from policies.rule import Level, Rule, Stack, Violation
from policies.view import NotKnownYet, View

NAME = "azure-mlops"
LEVELS = {
    Level.DISABLED: EnforcementLevel.DISABLED,
    Level.ADVISORY: EnforcementLevel.ADVISORY,
    Level.MANDATORY: EnforcementLevel.MANDATORY,
    Level.REMEDIATE: EnforcementLevel.REMEDIATE,
}


def policy(rule: Rule) -> Policy:
    """A rule as pulumi-policy describes it to the engine, with its level outside of production."""
    described: dict[str, Any] = {
        "name": rule.name,
        "description": f"{rule.title} ({rule.id})",
        "display_name": rule.title,
        "enforcement_level": LEVELS[level(rule, Configuration())],
        "severity": PackSeverity(rule.severity.value),
        "remediation_steps": rule.fix,
        "tags": [rule.subject],
    }
    if rule.sources.link:
        described["url"] = rule.sources.link
    if rule.sources.benchmark:
        reference = ", ".join(rule.sources.benchmark)
        described["framework"] = PolicyComplianceFramework("Microsoft cloud security benchmark", "2", reference)
    if rule.stack_check is not None:
        return StackValidationPolicy(validate=lambda args, report: None, **described)
    return ResourceValidationPolicy(
        validate=lambda args, report: None, remediate=(lambda args: None) if rule.remedy else None, **described
    )


class Analyzer(stock._PolicyAnalyzerServicer):  # type: ignore[misc]
    """Answers the engine; method names and messages are those of `analyzer.proto`."""

    rules: Sequence[Rule] = ()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.config = Configuration()
        self._wanted: dict[str, Level] = {}
        """By rule, the level that the command line asks for."""
        self._said: dict[str, dict[str, Any]] = {}
        """By URN: what the program says of each resource that was analysed."""

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The stack's configuration, which says the levels. Comes before any resource."""
        self.config = Configuration.from_engine(request.config)
        return super().ConfigureStack(request, context)

    def Analyze(self, request: Any, _context: Any) -> Any:  # noqa: N802
        said = self._said[request.urn] = messages.inputs(request.properties)
        one = View(messages.resource(request, said), self.config)
        answer = analyzer_pb2.AnalyzeResponse()
        for rule in self.rules:
            if rule.check is not None and rule.applies_to(one.short_type):
                self._add(answer, rule, of_resource(rule, one), one.urn)
            elif rule.check is not None:
                answer.not_applicable.append(
                    analyzer_pb2.PolicyNotApplicable(policy_name=rule.name, reason="another type of resource")
                )
        return answer

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:  # noqa: N802
        views = [View(self._resource(one), self.config) for one in request.resources]
        stack = Stack(views, self.config)
        answer = analyzer_pb2.AnalyzeResponse()
        for rule in self.rules:
            if rule.stack_check is not None:
                self._add(answer, rule, rule.stack_check(stack), "")
        return answer

    def _resource(self, message: Any) -> Resource:
        said = self._said.get(message.urn)
        return messages.resource(message, messages.inputs(message.properties) if said is None else said)

    def Remediate(self, request: Any, _context: Any) -> Any:  # noqa: N802
        answer = analyzer_pb2.RemediateResponse()
        one = View(messages.resource(request, messages.inputs(request.properties)), self.config)
        properties = struct_pb2.Struct()
        properties.CopyFrom(request.properties)
        for rule in self.rules:
            if rule.remedy is None or self._level(rule) is not Level.REMEDIATE or not rule.applies_to(one.short_type):
                continue
            if holding(exemptions(self.config), rule, one.name, self.config.today):
                continue
            try:
                more, problem = rule.remedy(one), ""
            except NotKnownYet as error:
                more, problem = {}, f"{DEFERRED}{error.path} is known only then"
            if more:
                messages.merge(properties, more)
            if more or problem:
                answer.remediations.append(self._remediation(rule, properties if more else None, problem))
        return answer

    def _remediation(self, rule: Rule, properties: struct_pb2.Struct | None, problem: str) -> Any:
        return analyzer_pb2.Remediation(
            policyName=rule.name,
            policyPackName=NAME,
            description=rule.title,
            properties=properties,
            diagnostic=problem,
        )

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What `--policy-pack-config` says. The engine fills the rest with what it was told of each rule before it has
        handed over the stack's configuration: that is no wish of anybody's.
        """
        told = {rule.name: self._map_enforcement_level(LEVELS[level(rule, Configuration())]) for rule in self.rules}
        numbers = {self._map_enforcement_level(theirs): ours for ours, theirs in LEVELS.items()}
        self._wanted = {
            name: numbers[one.enforcementLevel]
            for name, one in request.policyConfig.items()
            if name in told and one.enforcementLevel != told[name]
        }
        return super().Configure(request, context)

    def _level(self, rule: Rule) -> Level:
        """What the command line says, else the stack file, else the stack's environment."""
        return self._wanted.get(rule.name) or level(rule, self.config)

    def _add(self, answer: Any, rule: Rule, found: Iterable[Violation], urn: str) -> None:
        here = self._level(rule)
        if here is Level.DISABLED:
            return
        stops = Level.ADVISORY if here is Level.ADVISORY else Level.MANDATORY
        try:
            for one in found:
                if not holding(exemptions(self.config), rule, name_of(one.urn), self.config.today):
                    answer.diagnostics.append(self._diagnostic(rule, stops, one.urn, f"{one.message}. {rule.fix}"))
        except NotKnownYet as error:
            said = f"{DEFERRED}{error.path} is known only then"
            answer.diagnostics.append(self._diagnostic(rule, Level.ADVISORY, urn, said))

    def _diagnostic(self, rule: Rule, here: Level, urn: str, message: str) -> Any:
        return analyzer_pb2.AnalyzeDiagnostic(
            policyName=rule.name,
            policyPackName=NAME,
            description=rule.title,
            message=message,
            urn=urn,
            enforcementLevel=self._map_enforcement_level(LEVELS[here]),
            severity=self._map_severity(PackSeverity(rule.severity.value)),
        )


def serve(rules: Sequence[Rule]) -> None:
    """Prints a port and answers the engine there until it is gone."""
    Analyzer.rules = rules
    stock._PolicyAnalyzerServicer = Analyzer
    stock.PolicyPack(NAME, [policy(rule) for rule in rules], EnforcementLevel.MANDATORY)
