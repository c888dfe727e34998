"""The Pulumi side of a dynamic resource, once: unknown values, numbers, carried outputs, vanished objects, failures.

A provider is a class in an importable module without attributes: its module path and class name are stored in the state
of every stack, so they are API. The order of calls is the engine's: `check` (also in previews), `diff`, then `create`,
`update` or `delete`; `read` on refresh.
"""

from __future__ import annotations

import logging
import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import pulumi
from pulumi import dynamic
from pulumi.output import Unknown

from ml.clients.arm import manner
from ml.clients.errors import CloudError
from ml.identity.values import Properties, plain
from ml.progress import Failure, note

PROVIDER_KEY = "__provider"
T = TypeVar("T")


class InputError(Exception):
    """An input a person has to change: the property and what to write."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


class Provider(dynamic.ResourceProvider):
    """Base of all providers: they say what makes another object (`identity`) and do the work with plain values."""

    serialize_as_secret_always = False
    identity: ClassVar[tuple[str, ...]] = ()
    """Inputs that name the object: a change of one replaces it."""
    ignored: ClassVar[tuple[str, ...]] = ()
    """Inputs whose change alone changes nothing."""

    # -- what a provider says

    def derive(self, inputs: Properties, old: Properties) -> Properties:
        """The inputs with everything that follows from them, above all the identity; unknown where a part is unknown.

        Raises:
            InputError: an input a person has to change.
        """
        return inputs

    @abstractmethod
    def ensure(self, inputs: Properties) -> tuple[str, Properties]:
        """Makes the object, or adopts it when it is there: id and outputs."""

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        """Outputs as the cloud has them now; None when the object is gone."""
        return {}

    def problem(self, properties: Properties) -> str:
        """What happened to the object behind the state's back so that `change` has to put it right; "" when nothing
        did. Asked by every deployment and preview without other changes: a request or two.
        """
        return ""

    def change(self, identifier: str, old: Properties, inputs: Properties) -> Properties:
        """Applies a change of inputs that are no identity, or puts a problem right: the outputs that change with it."""
        return {}

    @abstractmethod
    def release(self, identifier: str, properties: Properties) -> None:
        """Lets go of the object; safe to repeat."""

    # -- what the engine calls

    def check(self, _olds: Properties, news: Properties) -> dynamic.CheckResult:
        """Inputs with what follows from them: known in a preview where everything they follow from is known."""
        inputs, old = plain(news), plain(_olds)
        try:
            with failures():
                return dynamic.CheckResult(self.derive(inputs, old), [])
        except InputError as error:
            return dynamic.CheckResult(inputs, [dynamic.CheckFailure(error.name, error.message)])

    def diff(self, _id: str, _olds: Properties, _news: Properties) -> dynamic.DiffResult:
        """Inputs that differ from the state; an unknown identity counts as a replacement, the worst case. A problem
        is a change too.
        """
        old, new = plain(_olds), plain(_news)
        changed = [key for key in new if self._differs(key, old, new)]
        replaces = [key for key in changed if key in self.identity]
        if not changed and (found := self._known_problem(old)):
            note(found)
            return dynamic.DiffResult(changes=True)
        return dynamic.DiffResult(changes=bool(changed), replaces=replaces)

    def _known_problem(self, state: Properties) -> str:
        """The problem, asked once and without waiting for a permission that may be fresh. Where the cloud cannot be
        asked, as in a preview without credentials, there is none.
        """
        if type(self).problem is Provider.problem:
            return ""
        from azure.core.exceptions import AzureError

        quieten()
        try:
            with manner(patience=0.0):
                return self.problem(state)
        except (CloudError, AzureError):
            return ""

    def _differs(self, key: str, old: Properties, new: Properties) -> bool:
        if key == PROVIDER_KEY or key in self.ignored or new[key] is None:
            return False
        return unknown(new[key]) or old.get(key) != new[key]

    def create(self, props: Properties) -> dynamic.CreateResult:
        """Safe to repeat: an object that is there is adopted."""
        inputs = plain(props)
        with failures():
            identifier, outputs = self.ensure(inputs)
        return dynamic.CreateResult(identifier, {**inputs, **outputs})

    def read(self, id_: str, props: Properties) -> dynamic.ReadResult:
        """The object as it is now; an empty id when it is gone."""
        properties = plain(props)
        with failures():
            found = self.observe(id_, properties)
        return dynamic.ReadResult("", {}) if found is None else dynamic.ReadResult(id_, {**properties, **found})

    def update(self, _id: str, _olds: Properties, _news: Properties) -> dynamic.UpdateResult:
        """Outputs that the change does not touch are carried over."""
        old, new = plain(_olds), {key: value for key, value in plain(_news).items() if value is not None}
        with failures():
            outputs = self.change(_id, old, new)
        return dynamic.UpdateResult({**old, **new, **outputs})

    def delete(self, _id: str, _props: Properties) -> None:
        """Safe to repeat."""
        with failures():
            self.release(_id, plain(_props))


class Resource(dynamic.Resource):
    """Base of all resources. Outputs are declared as None inputs, or they would never become attributes."""

    outputs: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, provider: Provider, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(provider, name, {**inputs, **dict.fromkeys(self.outputs)}, opts)


def unknown(value: Any) -> bool:
    """Whether a value, or anything inside it, is not known yet."""
    if isinstance(value, Mapping):
        return any(unknown(inner) for inner in value.values())
    return isinstance(value, Unknown) or (isinstance(value, list) and any(unknown(inner) for inner in value))


def derived(compute: Callable[[], T], *sources: Any) -> T | Unknown:
    """The value of `compute`, or unknown when one of the values it follows from is."""
    return Unknown() if any(unknown(source) for source in sources) else compute()  # type: ignore[no-untyped-call]


def quieten() -> None:
    """Without a handler of its own, azure-identity's warning that nobody is signed in would reach the terminal."""
    logging.getLogger("azure.identity").addHandler(logging.NullHandler())


def new_claim() -> str:
    """A fresh claim: `release` acts only on an object that still carries the claim in its own resource's outputs.

    Without it a replaced resource deletes the object that its successor has just adopted.
    """
    return uuid.uuid4().hex


@contextmanager
def failures() -> Iterator[None]:
    """What the cloud refuses is shown as its message, without a traceback."""
    try:
        yield
    except CloudError as error:
        raise Failure(str(error)) from None
