"""Serves dynamic resources, and tells a provider's method about the call it is in.

The SDK's own server of dynamic resources runs unchanged inside `serve`, with an interceptor around it that adds: 64
calls at a time instead of 4, live text on the row of the resource a call is for, an end to every wait when the person
presses Ctrl-C, failures shown as one message instead of a traceback, and an end of the process when the CLI is gone.

Providers call `ml.progress`, which this module binds to the engine. Under the SDK's own server their texts are not
shown and nothing is cancelled. Only the standard library is loaded until `serve` runs.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any, NoReturn

from ml import progress

CALLS_AT_A_TIME = 64
# Allocations between two garbage collections. Python's 700 has them run hundreds of times while SDKs are imported: a
# third of what an `up` without changes does here.
ALLOCATIONS = 50_000
POLL_SECONDS = 0.5
PARENT_VARIABLE = "PULUMI_ENGINE_PID"  # the launcher notes it: the CLI may be gone before Python is up


class _CallContext:
    """A gRPC server interceptor: notes which resource a call is for and turns a `Failure` into its message."""

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        """Wraps the handler of one call (the interface of `grpc.ServerInterceptor`)."""
        import grpc

        handler = continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = details.method.rsplit("/", 1)[-1]
        if method == "Invoke":
            return grpc.unary_unary_rpc_method_handler(
                _get_ready, handler.request_deserializer, handler.response_serializer
            )

        def serve_call(request: Any, context: Any) -> Any:
            if method == "Cancel":
                progress.interrupt()
            progress.begin(getattr(request, "urn", ""))
            try:
                return handler.unary_unary(request, context)
            except progress.Failure as failure:
                context.abort(grpc.StatusCode.UNKNOWN, str(failure))

        return grpc.unary_unary_rpc_method_handler(
            serve_call, handler.request_deserializer, handler.response_serializer
        )


def _get_ready(request: Any, context: Any) -> Any:
    """Answers `tools/language_host.py`, which has this process started before a resource needs it: the providers are
    loaded by then, which would take most of a second of every command.
    """
    import importlib
    import pkgutil

    from pulumi.runtime.proto import provider_pb2

    import ml.resources

    providers = [module.name for module in pkgutil.iter_modules(ml.resources.__path__, "ml.resources.")]
    for name in (*providers, "httpx", "azure.identity"):
        importlib.import_module(name)
    return provider_pb2.InvokeResponse()


def _engine_log(address: str) -> progress.Show:
    import grpc
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

    engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def log(urn: str, text: str, ephemeral: bool) -> None:
        try:
            engine.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn, ephemeral=ephemeral))
        except grpc.RpcError:
            return  # the text is a courtesy: the work goes on without it

    return log


def _end_with_parent() -> None:
    parent = int(os.environ.get(PARENT_VARIABLE) or os.getppid())

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def serve(engine: str) -> NoReturn:
    """Serves dynamic resources to the engine at this address until the CLI ends."""
    import grpc

    gc.set_threshold(ALLOCATIONS)
    progress.bind(_engine_log(engine))
    _end_with_parent()
    make_server = grpc.server

    def larger_server(pool: futures.Executor, options: Any = None) -> Any:
        return make_server(futures.ThreadPoolExecutor(CALLS_AT_A_TIME), options=options, interceptors=[_CallContext()])

    grpc.server = larger_server
    import pulumi.dynamic.__main__  # noqa: F401  runs the SDK's server and returns when the CLI interrupts it

    os._exit(0)
