"""What Azure Policy would say of requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from policies.azure import advice
from policies.azure.aliases import Aliases
from policies.azure.assignment import Assigned
from policies.azure.changes import Changed, changed
from policies.azure.context import Context
from policies.azure.definition import Rule
from policies.azure.effects import CHANGING, EXISTENCE, Effect, require_effect
from policies.azure.errors import RuleError, UnknownConstructError
from policies.azure.rule import Answer
from policies.azure.subject import Facts, Subject
from policies.azure.values import Undecided, text
from policies.azure.verdict import Outcome, Verdict

SILENT = ("disabled", "denyaction")
"""Effects that do nothing about a PUT."""


@dataclass(frozen=True)
class Policies:
    """Everything that is in force, and the aliases that its rules name properties by."""

    assigned: tuple[Assigned, ...]
    aliases: Aliases

    def judge(self, subjects: Iterable[Subject], facts: Facts) -> list[Verdict]:
        """Every verdict, in the order of the resources; first those on definitions that cannot be judged at all."""
        found = [verdict for one in self.assigned if (verdict := unusable(one))]
        usable = [one for one in self.assigned if not unusable(one)]
        for subject in subjects:
            judged = (self.on(one, subject, facts).verdict for one in usable)
            found += [verdict for verdict in judged if verdict]
        return found

    def on(self, assigned: Assigned, subject: Subject, facts: Facts) -> Judgement:
        """One definition on one request."""
        return Judgement(assigned, subject, facts, self.aliases)


def unusable(assigned: Assigned) -> Verdict | None:
    """The verdict on a definition that is not judged on any resource, and why."""
    definition = assigned.definition
    base = Verdict(Outcome.REFUSED, definition.name, definition.title, assigned.effect, assignment=assigned.title)
    if definition.problem:
        return replace(base, reason=definition.problem)
    if definition.rule is None:
        return replace(
            base, outcome=Outcome.UNDECIDED, reason=f"mode {definition.mode} is judged inside of the service"
        )
    if definition.rule.of_types_alone and not assigned.id:
        why = "it looks at types alone: which of them may be made is for its assignment to say"
        return replace(base, outcome=Outcome.NOT_IN_BODY, reason=why)
    return None


@dataclass(frozen=True)
class Judgement:
    """One definition on one request."""

    assigned: Assigned
    subject: Subject
    facts: Facts
    aliases: Aliases

    @property
    def rule(self) -> Rule:
        """The definition's.

        Raises:
            UnknownConstructError: what of it is not known.
        """
        definition = self.assigned.definition
        if definition.rule is None:
            raise UnknownConstructError(definition.problem or f"mode {definition.mode} is not judged here")
        return definition.rule

    @property
    def applies(self) -> bool:
        """Whether the definition is about this request at all."""
        definition, subject = self.assigned.definition, self.subject
        if self.rule.types is not None and subject.type.casefold() not in self.rule.types:
            return False
        return (subject.taggable or not definition.indexed) and self.assigned.covers(subject, self.facts.now)

    @property
    def context(self) -> Context:
        """What the rule may look at."""
        return Context(self.subject, self.aliases, self.facts, self.assigned.parameters)

    @property
    def effect(self) -> str | Undecided:
        """The effect in lower case.

        Raises:
            UnknownConstructError: it is none.
        """
        found = self.assigned.effect or self.rule.effect.name.evaluate(self.context)
        return found if isinstance(found, Undecided) else require_effect(text(found))

    @property
    def verdict(self) -> Verdict | None:
        """`None` where the definition is met, or not about this."""
        if not self.applies:
            return None
        try:
            effect = self.effect
            return None if effect in SILENT else self._judged(effect)
        except RuleError as error:
            return self._said(Outcome.DENY, "", reason=f"Azure refuses what a rule fails on: {error}")
        except UnknownConstructError as error:
            return self._said(Outcome.REFUSED, "", reason=str(error))

    def answer(self) -> Answer:
        """Whether the `if` is true of the request."""
        return self.rule.condition.judge(self.context)

    def changed(self) -> Changed:
        """The request as modify or append would leave it."""
        return changed(self.context, self.rule.effect.operations)

    def _judged(self, effect: str | Undecided) -> Verdict | None:
        answer = self.answer()
        if answer.truth is False:
            return None
        if isinstance(answer.truth, Undecided):
            return self._undecided(answer.truth, "" if isinstance(effect, Undecided) else effect)
        if isinstance(effect, Undecided):
            return self._undecided(effect, "")
        return self._matched(effect, answer)

    def _matched(self, effect: str, answer: Answer) -> Verdict | None:
        if effect in CHANGING:
            return self._changing(effect, answer)
        if effect in EXISTENCE:
            return self._existence(effect)
        if effect == "manual":
            return self._said(Outcome.UNDECIDED, effect, reason="it is attested by people")
        return self._found(Outcome.DENY if effect == "deny" else Outcome.AUDIT, effect, answer)

    def _changing(self, effect: str, answer: Answer) -> Verdict:
        done = self.changed()
        said = self._found(Outcome.MODIFY, effect, answer)
        if done.conflict:
            return replace(said, outcome=Outcome.DENY, found=(done.conflict,), remedies=())
        reason = "; ".join(dict.fromkeys(done.undecided))
        if not done.changes:
            return replace(said, outcome=Outcome.UNDECIDED if reason else Outcome.AUDIT, reason=reason)
        return replace(said, changes=tuple(done.changes), reason=reason)

    def _existence(self, name: str) -> Verdict | None:
        effect = self.rule.effect
        if not self._of_itself(effect):
            return self._said(Outcome.UNDECIDED, name, reason=f"it looks for another resource: {effect.related_type}")
        answer = effect.existence.judge(self.context) if effect.existence else Answer(True)
        if answer.truth is True:
            return None
        if isinstance(answer.truth, Undecided):
            return self._undecided(answer.truth, name)
        return self._found(Outcome.AUDIT, name, answer)

    def _of_itself(self, effect: Effect) -> bool:
        return effect.itself and effect.related_type.casefold() == self.subject.type.casefold()

    def _undecided(self, why: Undecided, effect: str) -> Verdict:
        return self._said(Outcome.NOT_IN_BODY if why.filled_in else Outcome.UNDECIDED, effect, reason=why.reason)

    def _found(self, outcome: Outcome, effect: str, answer: Answer) -> Verdict:
        said = self._said(outcome, effect, found=advice.found(answer.because))
        return replace(said, remedies=advice.remedies(answer.remedy, self.subject.spell))

    def _said(self, outcome: Outcome, effect: str, **more: Any) -> Verdict:
        return Verdict(
            outcome,
            self.assigned.definition.name,
            self.assigned.definition.title,
            effect,
            resource_type=self.subject.type,
            resource_id=self.subject.id,
            urn=self.subject.urn,
            assignment=self.assigned.title,
            enforced=self.assigned.enforced,
            **more,
        )
