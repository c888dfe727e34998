"""Serves the plugin on a free loopback port, prints the port, and ends with the engine that started it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent import futures
from types import FrameType

import grpc

from emulator.provider.protocol import services
from emulator.provider.servicer import Provider

ENGINE_VARIABLE = "PULUMI_ENGINE_PID"
THREADS = 32
POLL_SECONDS = 0.5
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def main() -> None:
    """Runs until a signal or until the parent process is gone, however it went."""
    parent, ended = int(os.environ.get(ENGINE_VARIABLE) or os.getppid()), threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server = grpc.server(futures.ThreadPoolExecutor(THREADS), options=UNLIMITED)
    services.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - the engine reads the port from the first line
    while os.getppid() == parent and not ended.wait(POLL_SECONDS):
        pass
    server.stop(None)
    sys.stdout.flush()
    os._exit(0)  # threads that still wait for a service must not hold the process


if __name__ == "__main__":
    main()
