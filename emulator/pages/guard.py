"""Who may look, and what browsers are told: the page is for this machine, and nothing from elsewhere runs in it."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.errors import ServiceError
from emulator.http import Request

HOSTS = frozenset({"127.0.0.1", "localhost"})
"""Any other name that leads to this machine may be somebody else's (DNS rebinding)."""
HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def check(request: Request) -> None:
    """Refuses requests that another site's name or another site's page led here.

    A link from elsewhere may open the page; a page from elsewhere may not embed, fetch or query it.

    Raises:
        ServiceError: 421 for a name that is not this machine's, 403 for a request out of another site's page.
    """
    check_host(request)
    site, mode = request.headers.get("sec-fetch-site", "none"), request.headers.get("sec-fetch-mode", "navigate")
    if site in ("cross-site", "same-site") and (mode != "navigate" or request.query):
        raise ServiceError(403, "CrossSiteRequest", "Pages of other sites may lead here, and no more.")


def check_host(request: Request) -> None:
    """421 for a name that is not this machine's."""
    if request.host not in HOSTS:
        message = f"This page answers at 127.0.0.1 and localhost only, not at '{request.host}'."
        raise ServiceError(421, "MisdirectedRequest", message)
