"""What happens to the rest of the program when a resource fails."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import stack
from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.stack import ResourceRegistrationFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# How the SDK's executor says that the person has been told already (`bail` in the language host's answer).
TOLD = 32


def without_failures(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs in which null stands for what a failed resource would have said.

    Pulumi registers a stack's outputs all together: one that fails would keep those of every other system as they were
    before.
    """
    return {name: _recovered(value) for name, value in outputs.items()}


def _recovered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_failures(value)
    return value.recover(_nothing) if isinstance(value, pulumi.Output) else value


def _nothing(failure: Exception) -> None:
    if not isinstance(failure, ResourceRegistrationFailed):
        raise failure


def skip_dependents_of_failures() -> None:
    """Under `--continue-on-error`, leaves out what depends on a failed resource and goes on with the rest.

    The engine reports the failure itself. Pulumi 3.259 then fails the program as well, with a traceback, at the first
    resource that depends on the failed one: what has not been registered by then is held up, however unrelated.

    The program fails at its end instead, in silence. It must not end well: the engine would take everything that was
    left out for gone from the program, and delete it.
    """
    if getattr(RPCManager.do_rpc, "skips_dependents", False):
        return
    original, ended_well = RPCManager.do_rpc, stack._wait_for_shutdown
    left_out: list[str] = []

    async def end() -> None:
        if left_out:
            left_out.clear()
            raise SystemExit(TOLD)
        await ended_well()

    @wraps(original)
    def do_rpc(self: RPCManager, name: str, rpc: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def skipping(*args: Any, **options: Any) -> Any:
            try:
                return await rpc(*args, **options)
            except ResourceRegistrationFailed as failure:
                # One object goes to every dependent, and each `await` on the way makes its traceback longer.
                failure.__traceback__ = None
                left_out.append(name)
                return None

        return original(self, name, skipping)

    do_rpc.skips_dependents = True  # type: ignore[attr-defined]
    RPCManager.do_rpc = do_rpc  # type: ignore[assignment, method-assign]
    stack._wait_for_shutdown = end
