"""Liveness and readiness: HTTP requests in a loop, one coroutine a probe."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

import httpx

from emulator.containers.specification import Probe

Verdict = Callable[[bool, str], Awaitable[None]]
Failure = Callable[[str], None]
# How often a first readiness is looked for besides: a rollout waits for it, 0.8 s less for each deployment.
EARLY_SECONDS = 0.2


async def watch(probe: Probe, address: str, verdict: Verdict, failure: Failure, *, healthy: bool) -> None:
    """Probes until cancelled. What is not healthy at first is looked for in the pauses too; only its success counts.

    Args:
        verdict: called when it changes, with what was seen last; it is `healthy` at first.
        failure: called with what is wrong after each probe that failed.
    """
    url = f"{probe.scheme}://{address}:{probe.port}{probe.path}"
    limits = httpx.Limits(max_keepalive_connections=0)  # as the kubelet does: a probe also shows that connections work
    streak, awaited = 0, not healthy and probe.success_threshold == 1
    context = trusting_context()
    async with httpx.AsyncClient(verify=context, limits=limits, trust_env=False, timeout=probe.timeout) as client:

        async def pause(seconds: float) -> None:
            if not awaited:
                await asyncio.sleep(seconds)
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while await look(client, url, probe.timeout):
                        await asyncio.sleep(EARLY_SECONDS)

        await pause(probe.initial_delay)
        while True:
            trouble = await look(client, url, probe.timeout)
            good = not trouble
            if trouble:
                failure(trouble)
            streak = 0 if good == healthy else streak + 1
            if streak >= (probe.success_threshold if good else probe.failure_threshold):
                healthy, streak, awaited = good, 0, False
                await verdict(good, trouble)
            await pause(probe.period)


def trusting_context() -> ssl.SSLContext:
    """Probes check no certificate, as in Kubernetes; so none has to be loaded either."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def look(client: httpx.AsyncClient, url: str, timeout: float) -> str:
    """What is wrong, empty when nothing is; a wrong status in the kubelet's words."""
    try:
        async with asyncio.timeout(timeout), client.stream("GET", url) as answer:
            status = answer.status_code
            return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status} (GET {url})"
    except TimeoutError:
        return f"GET {url} had no answer within {timeout:g} s"
    except httpx.HTTPError as error:
        return f"GET {url} failed: {str(error) or type(error).__name__}"
