"""The Python language host of an engine that was built from Go modules: a gRPC server that runs the Pulumi program.

Does what Pulumi's own `pulumi-language-python` does for `toolchain: pip` and `uv` with a virtual environment, and three
things more. The program runs in a session of its own and is ended without a traceback when the CLI is interrupted. The
server of dynamic resources starts beside a program that will need it. And the host ends, with the program, when the CLI
is gone.

The protocol is `pulumi/language.proto` of the SDK. Started by the launcher in `tools/engine/bin` as `language_host.py
<folder of the engine> [options] <engine's address>`; prints its port.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import grpc
from google.protobuf import empty_pb2

UNLIMITED_MESSAGES = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
BAIL = 32  # the program has already shown the person an error they can act on
POLL_SECONDS = 0.5
PARENT_VARIABLE = "PULUMI_ENGINE_PID"  # the launcher notes it: the CLI may be gone before Python is up
END_SECONDS = 5.0
READY = "pulumi-python:dynamic:ready"

PROGRAM = Path(__file__).with_name("program.py")


def _load_messages() -> tuple[Any, Any, Any]:
    """The messages alone: importing `pulumi` itself loads the whole SDK, most of a second at every command."""
    found = importlib.util.find_spec("pulumi")
    if found is None or not found.submodule_search_locations:
        sys.exit("The Pulumi SDK is not installed here: run `python3 tools/bootstrap.py`.")
    folder = Path(found.submodule_search_locations[0])
    for name, path in (
        ("pulumi", folder),
        ("pulumi.runtime", folder / "runtime"),
        ("pulumi.runtime.proto", folder / "runtime/proto"),
    ):
        module = ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module
    from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

    return language_pb2, language_pb2_grpc, plugin_pb2


def start_early(monitor: str) -> None:
    """Has the engine start the server of dynamic resources now, beside the program, which loads SDKs for seconds before
    it declares the first one. `ml/resources/host.py` answers; whatever else becomes of the call makes no difference.
    """
    from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc

    with grpc.insecure_channel(monitor) as channel, contextlib.suppress(grpc.RpcError):
        resource_pb2_grpc.ResourceMonitorStub(channel).Invoke(resource_pb2.ResourceInvokeRequest(tok=READY))


messages, services, plugin_messages = _load_messages()
Servicer: Any = services.LanguageRuntimeServicer


def python_of(info: Any) -> Path:
    """The interpreter that `runtime.options` of Pulumi.yaml asks for; this one when it asks for none."""
    options = dict(info.options)
    name = options.get("virtualenv") or (".venv" if options.get("toolchain") == "uv" else "")
    return (
        Path(info.root_directory or info.program_directory) / name / "bin" / "python" if name else Path(sys.executable)
    )


def required_packages(python: Path) -> list[dict[str, str]]:
    """The `pulumi-plugin.json` of every installed SDK that needs a plugin."""
    found = []
    for file in sorted(python.parent.parent.glob("lib/python3*/site-packages/*/pulumi-plugin.json")):
        plugin = json.loads(file.read_text())
        if plugin.get("resource") and plugin.get("version"):
            version = "v" + plugin["version"].removeprefix("v")
            found.append(
                {"name": plugin["name"], "kind": "resource", "version": version, "server": plugin.get("server", "")}
            )
    return found


def plugin_command(request: Any, python: Path) -> list[str]:
    """The command line of a policy pack: the module that loads one, the engine's address, the pack's folder."""
    return [str(python), "-u", "-m", "pulumi.policy", *request.args, request.info.program_directory]


def program_command(request: Any, engine: str, python: Path, executor: Path) -> list[str]:
    """The command line of the SDK's own `pulumi-language-python-exec`, run by `tools/program.py`."""
    values = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "root_directory": request.info.root_directory,
        "stack": request.stack,
        "pwd": request.pwd,
        "dry_run": str(request.dryRun).lower(),
        "parallel": str(request.parallel),
        "organization": request.organization,
    }
    options = [word for name, value in values.items() if value for word in (f"--{name}", value)]
    return [str(python), "-u", str(PROGRAM), str(executor), *options, request.info.entry_point, *request.args]


class Programs:
    """The programs under way; each leads a session, so that all it started ends with it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self.ended: set[int] = set()

    def start(self, command: list[str], environment: dict[str, str], **options: Any) -> subprocess.Popen[bytes]:
        """Starts a program that reads nothing and, without other options, writes where this host writes."""
        with self._lock:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, **options
            )
            self._running.add(process)
        return process

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """The program's exit code; negative when a signal ended it."""
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            self._running.discard(process)
            return process.wait()

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Ends a program, if it still runs, without giving it the chance to print a traceback."""
        with self._lock:
            if process in self._running:
                self.ended.add(process.pid)
                os.killpg(process.pid, signal.SIGKILL)

    def end_all(self) -> None:
        """Ends every program."""
        for process in list(self._running):
            self.end(process)


def output_of(process: subprocess.Popen[bytes]) -> Iterator[Any]:
    """What a plugin writes, in the order in which it comes, until it has closed both streams."""
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def hand_on(name: str, stream: Any) -> None:
        while part := stream.read1(1 << 16):
            waiting.put(messages.RunPluginResponse(**{name: part}))
        waiting.put(None)

    streams = {"stdout": process.stdout, "stderr": process.stderr}
    for name, stream in streams.items():
        threading.Thread(target=hand_on, args=(name, stream), daemon=True).start()
    for _ in streams:
        yield from iter(waiting.get, None)


class LanguageHost(Servicer):  # type: ignore[misc]
    """Answers the engine; method names and messages are those of `language.proto`."""

    def __init__(self, executor: Path, engine: str, programs: Programs) -> None:
        self.executor = executor
        self.engine = engine
        self.programs = programs

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.engine = request.engine_address or self.engine
        return messages.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_messages.PluginInfo()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        packages = required_packages(python_of(request.info))
        return messages.GetRequiredPackagesResponse(
            packages=[plugin_messages.PackageDependency(**package) for package in packages]
        )

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        python = python_of(request.info)
        if not python.exists():
            return messages.RunResponse(
                error=f"{python} is missing: run `make up` or `python3 tools/bootstrap.py` first"
            )
        environment = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        process = self.programs.start(program_command(request, self.engine, python, self.executor), environment)
        context.add_callback(lambda: self.programs.end(process))
        # Not parsed: the program says what is wrong with it.
        if request.config.get(f"{request.project}:systems", "[]") != "[]":
            threading.Thread(target=start_early, args=(request.monitor_address,), daemon=True).start()
        code = self.programs.wait(process)
        if code == BAIL or process.pid in self.programs.ended:
            return messages.RunResponse(bail=True)
        return messages.RunResponse(error=f"the program ended with exit code {code}" if code else "")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Runs a plugin until the engine lets go of it; what it prints is handed on as it comes."""
        python = python_of(request.info)
        if not python.exists():
            missing = f"{python.parent.parent.name} is missing: run `make policy` first, which makes it"
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, missing)
        environment = {**os.environ, **dict(word.split("=", 1) for word in request.env)}
        command = plugin_command(request, python)
        process = self.programs.start(
            command, environment, cwd=request.pwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        context.add_callback(lambda: self.programs.end(process))
        yield from output_of(process)
        yield messages.RunPluginResponse(exitcode=self.programs.wait(process))

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        return messages.AboutResponse(executable=str(python_of(request.info)), version=sys.version.split()[0])

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        import importlib.metadata

        found = sorted({(entry.metadata["Name"], entry.version) for entry in importlib.metadata.distributions()})
        listed = [messages.DependencyInfo(name=name, version=version) for name, version in found]
        return messages.GetProgramDependenciesResponse(dependencies=listed)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        yield messages.InstallDependenciesResponse(stdout=b"Packages are installed by `python3 tools/bootstrap.py`.\n")

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.programs.end_all()
        return empty_pb2.Empty()


def end_with_parent(end: Any) -> None:
    """Calls `end` once the process that started this one is gone, however it went."""
    parent = int(os.environ.get(PARENT_VARIABLE) or os.getppid())

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        end()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def serve(engine_folder: Path, engine: str) -> None:
    """Serves until the CLI interrupts the host or is gone."""
    programs, interrupted = Programs(), threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    end_with_parent(programs.end_all)
    server = grpc.server(futures.ThreadPoolExecutor(16), options=UNLIMITED_MESSAGES)
    host = LanguageHost(engine_folder / "pulumi-language-python-exec", engine, programs)
    services.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    interrupted.wait()
    programs.end_all()
    server.stop(END_SECONDS).wait()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[-1])
