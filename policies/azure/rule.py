"""The `if` of a rule: logic, conditions and counts, judged with a third answer for what a plan cannot tell
(https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from policies.azure import fields
from policies.azure.context import Context
from policies.azure.errors import RuleError
from policies.azure.expressions import Template
from policies.azure.operators import OPERATORS, OPPOSITES
from policies.azure.values import Truth, Undecided, every, negated, settled, text


@dataclass(frozen=True)
class Leaf:
    """One condition that an answer rests on, in the words of its operator."""

    path: str
    """Where in the body; the expression of a value."""
    operator: str
    wanted: Any
    found: Any


GIVEN = ("type", "name", "fullname", "id", "kind")
"""What a resource is: nobody changes it to please a rule."""


@dataclass(frozen=True)
class Answer:
    """Whether a part of a rule holds, and on which conditions that rests."""

    truth: Truth
    because: tuple[Leaf, ...] = ()
    """Conditions that hold, all of them."""
    remedy: tuple[Leaf, ...] = ()
    """Those of them that would have to change for another answer; of an allOf one is enough: the last, which rules put
    behind what only says whom they are about.
    """


class Node(Protocol):
    """A part of a rule."""

    def judge(self, context: Context) -> Answer:
        """Whether it holds."""


@dataclass(frozen=True)
class AllOf:
    """All of its parts hold. A part that does not ends it: those behind it are not looked at."""

    parts: tuple[Node, ...]

    def judge(self, context: Context) -> Answer:
        """False wins over what is not known."""
        answers = []
        for part in self.parts:
            answer = part.judge(context)
            if answer.truth is False:
                return answer
            answers.append(answer)
        joined = _joined(every(answer.truth for answer in answers), answers)
        return replace(joined, remedy=next((one.remedy for one in reversed(answers) if one.remedy), ()))


@dataclass(frozen=True)
class AnyOf:
    """One of its parts holds."""

    parts: tuple[Node, ...]

    def judge(self, context: Context) -> Answer:
        """True wins over what is not known; the parts behind a true one are looked at for the reasons alone."""
        answers: list[Answer] = []
        holds = False
        for part in self.parts:
            try:
                answers.append(part.judge(context))
            except RuleError:
                if not holds:
                    raise
            holds = holds or answers[-1].truth is True
        if holds:
            return _joined(True, [answer for answer in answers if answer.truth is True])
        return _joined(negated(every(negated(answer.truth) for answer in answers)), answers)


def _joined(truth: Truth, answers: Sequence[Answer]) -> Answer:
    return Answer(truth, _once(answer.because for answer in answers), _once(answer.remedy for answer in answers))


def _once(several: Iterable[Iterable[Leaf]]) -> tuple[Leaf, ...]:
    found: list[Leaf] = []
    for leaf in (leaf for leaves in several for leaf in leaves):
        if leaf not in found:  # a leaf may hold a list, which has no hash
            found.append(leaf)
    return tuple(found)


@dataclass(frozen=True)
class Not:
    """Its part does not hold."""

    part: Node

    def judge(self, context: Context) -> Answer:
        """What is not known stays so."""
        answer = self.part.judge(context)
        return replace(answer, truth=negated(answer.truth))


def _opposite(leaf: Leaf) -> Leaf:
    pairs = {**OPPOSITES, **{other: name for name, other in OPPOSITES.items()}}
    return replace(leaf, operator=pairs[leaf.operator])


@dataclass(frozen=True)
class Operand:
    """What a condition compares with: an operator of `OPERATORS` and a value."""

    operator: str
    wanted: Template

    def compare(self, context: Context, path: str, found: Any) -> Answer:
        """One value."""
        wanted = self.wanted.evaluate(context)
        if isinstance(wanted, Undecided):
            return Answer(wanted)
        if self.operator != "exists":
            found = settled(found, path)
        if isinstance(found, Undecided):
            return Answer(found)
        truth = OPERATORS[self.operator](found, wanted)
        leaf = (
            _exists_leaf(path, wanted, found) if self.operator == "exists" else Leaf(path, self.operator, wanted, found)
        )
        return _resting_on(truth, leaf if truth else _opposite(leaf))


def _resting_on(truth: Truth, leaf: Leaf) -> Answer:
    changeable = leaf.path.lower() not in GIVEN and not leaf.path.startswith("[")
    return Answer(truth, (leaf,), (leaf,) if changeable else ())


def _exists_leaf(path: str, wanted: Any, found: Any) -> Leaf:
    return Leaf(path, "exists" if text(wanted).lower() == "true" else "notExists", None, found)


@dataclass(frozen=True)
class FieldCondition:
    """A condition on a field; of several values all must meet it, and of none it holds."""

    field: Template
    operand: Operand

    def judge(self, context: Context) -> Answer:
        """All of the selected values."""
        name = self.field.evaluate(context)
        if isinstance(name, Undecided):
            return Answer(name)
        found = fields.select(context, text(name))
        answers = [self.operand.compare(context, found.path, value) for _, value in found.values]
        failing = next((answer for answer in answers if answer.truth is False), None)
        if failing:
            return failing
        if not answers:
            return _resting_on(True, Leaf(found.path, "none", None, []))
        return _joined(every(answer.truth for answer in answers), answers)


@dataclass(frozen=True)
class ValueCondition:
    """A condition on a value that is written out or worked out."""

    value: Template
    operand: Operand
    written: str
    """As the rule has it."""

    def judge(self, context: Context) -> Answer:
        """The value."""
        return self.operand.compare(context, self.written, self.value.evaluate(context))


@dataclass(frozen=True)
class Count:
    """A condition on how many elements there are, or for how many `where` holds."""

    elements: Callable[[Context], tuple[str, list[Context]] | Undecided]
    where: Node | None
    operand: Operand

    def judge(self, context: Context) -> Answer:
        """As long as each possible number gives the same answer, it does not matter which one it is."""
        found = self.elements(context)
        if isinstance(found, Undecided):
            return Answer(found)
        path, inner = found
        each = [self.where.judge(one) if self.where else Answer(True) for one in inner]
        meeting = [answer for answer in each if answer.truth is True]
        undecided = [answer.truth for answer in each if isinstance(answer.truth, Undecided)]
        answers = [
            self.operand.compare(context, f"the number of {path}", number)
            for number in range(len(meeting), len(meeting) + len(undecided) + 1)
        ]
        if len({answer.truth for answer in answers}) > 1:
            return Answer(undecided[0])
        return self._explained(answers[0], meeting)

    def _explained(self, answer: Answer, meeting: Sequence[Answer]) -> Answer:
        """Where too many elements meet `where`, it is they that have to change; where too few, nothing is named."""
        if self.where is None:
            return answer
        inner = _joined(True, meeting)
        return Answer(answer.truth, inner.because or answer.because, inner.remedy)


@dataclass(frozen=True)
class FieldElements:
    """The elements that a field with `[*]` stands for, each as the present one."""

    field: str

    def __call__(self, context: Context) -> tuple[str, list[Context]] | Undecided:
        """A context for each."""
        found = fields.select(context, self.field)
        return found.undecided or (
            found.path,
            [context.counting_field(self.field, place) for place, _ in found.values],
        )


@dataclass(frozen=True)
class ValueElements:
    """The elements of a list that stands in the rule or a parameter."""

    value: Template
    name: str

    def __call__(self, context: Context) -> tuple[str, list[Context]] | Undecided:
        """A context for each."""
        found = self.value.evaluate(context)
        if isinstance(found, Undecided):
            return found
        elements = found if isinstance(found, list) else [found]
        return self.name or "values", [context.counting_value(self.name or "value", one) for one in elements]
