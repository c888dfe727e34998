"""The page of a deployed stack, as a person opens it: with and without a browser."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
import pytest

from tests.local import chromium
from tests.local.conftest import Deployed

ELSEWHERE = ("/mlflow/", "/runs/", "#")
WORDS_OF_SECRETS = ("AccountKey=", "SharedAccessSignature", "sig=", "eyJ0", "eyJh")


def links(text: str) -> list[str]:
    """What a page refers to."""
    return [html.unescape(found) for found in re.findall(r"(?:href|src|action)=\"([^\"]*)\"", text)]


def words(text: str) -> str:
    """What a person reads."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.fixture(scope="module")
def pages(deployed: Deployed) -> dict[str, httpx.Response]:
    """Every page that the start page leads to, by its path."""
    found: dict[str, httpx.Response] = {}
    waiting = ["/"]
    with httpx.Client(base_url=deployed.http, trust_env=False, timeout=30) as client:
        while waiting:
            path = waiting.pop()
            if path not in found:
                found[path] = client.get(path)
                waiting += [one for one in links(found[path].text) if not one.startswith(ELSEWHERE)]
    return found


def one(pages: dict[str, httpx.Response], pattern: str) -> str:
    """The text of the one page whose path fits."""
    (path,) = (path for path in pages if re.search(pattern, path))
    return pages[path].text


def test_every_page_answers_with_strict_headers_and_leads_nowhere_else(pages: dict[str, httpx.Response]) -> None:
    assert {path: page.status_code for path, page in pages.items() if page.status_code != 200} == {}
    assert len(pages) > 60
    for path, page in pages.items():
        assert page.headers["content-security-policy"].startswith("default-src 'none'"), path
        assert page.headers["x-frame-options"] == "DENY", path
        foreign = [target for target in links(page.text) if not target.startswith(("/", "#"))]
        assert foreign == [], path


def test_no_page_shows_a_secret(pages: dict[str, httpx.Response], deployed: Deployed) -> None:
    settings = deployed.checkout.folder.joinpath(".emulator/settings.json").read_text()
    (identity,) = re.findall(r'"identity_secret": "([^"]+)"', settings)
    (component,) = (body for _, body in deployed.checkout.rows("microsoft.insights/components"))
    secrets = [deployed.service.key, identity, component["properties"]["InstrumentationKey"]]
    for path, page in pages.items():
        assert [secret for secret in secrets if secret in page.text] == [], path
        assert [word for word in WORDS_OF_SECRETS if word in page.text.replace("(hidden)", "")] == [], path


def test_the_start_page_says_what_serves_and_what_became_of_the_challenger(
    pages: dict[str, httpx.Response], deployed: Deployed
) -> None:
    found = words(pages["/"].text)
    (share,) = deployed.service.traffic().items()
    assert f"{share[1]} % {share[0]} · bike-buyer v1 champion" in found
    assert re.search(r"Last challenger champion kept bike-buyer-[0-9a-f]{12}-1 judged by bike-buyer-gate-", found)
    assert "model version registered" in found


def test_lineage_of_the_champion_is_whole(pages: dict[str, httpx.Response]) -> None:
    found = words(one(pages, r"/models/bike-buyer/versions/1$"))
    data, job, model = (
        r"bike-buyer-customers [0-9a-f]{12} real",
        r"bike-buyer-[0-9a-f]{12}-1 Completed",
        "bike-buyer v1",
    )
    image, place = r"(bike-buyer [0-9a-f]{12} )+", r"v1-[0-9a-f]+ 100 % same digest"
    assert re.search(
        rf"Data {data} Job {job} Model {model} champion [0-9a-f]{{12}} Image {image}Deployment {place}", found
    )


def test_a_job_shows_its_log_and_the_metrics_of_mlflow(pages: dict[str, httpx.Response], deployed: Deployed) -> None:
    (path, *_) = (path for path in pages if re.search(r"/jobs/bike-buyer-[0-9a-f]{12}-1$", path))
    found = words(httpx.get(deployed.http + path, trust_env=False, timeout=30).text)
    assert "holdout_auc" in found
    assert "rows to train on" in found


def test_containers_and_their_images_are_listed(pages: dict[str, httpx.Response]) -> None:
    found = words(pages["/containers"].text)
    assert re.search(r"v1-[0-9a-f]+ Succeeded 100 %", found)
    assert re.search(r"bike-buyer [0-9a-f]{12} [0-9a-f]{12} \d+ MB", found)


def test_telemetry_answers_a_query(deployed: Deployed) -> None:
    query = {"query": 'requests | where name == "POST /score" | summarize asked = count()'}
    found = words(httpx.get(f"{deployed.http}/telemetry", params=query, trust_env=False, timeout=30).text)
    assert re.search(r"1 row; [\d.]+ s asked \d+", found)
    row = {"query": "requests | take 1 | project also = iKey, iKey"}
    found = words(httpx.get(f"{deployed.http}/telemetry", params=row, trust_env=False, timeout=30).text)
    assert "also iKey (hidden) (hidden)" in found


def test_a_browser_shows_it_on_a_phone_and_on_a_wide_screen(
    pages: dict[str, httpx.Response], deployed: Deployed, tmp_path: Path
) -> None:
    program = chromium.program()
    if program is None:
        pytest.skip("no Chromium on this machine: `apt-get install chromium` lets this test look at the page")
    job = next(path for path in pages if re.search(r"/jobs/bike-buyer-[0-9a-f]{12}-1$", path))
    with chromium.tab(program, tmp_path) as tab:
        for path in ("/", job, "/jobs", "/resources", "/telemetry"):
            for width, dark in ((390, False), (1600, True)):
                tab.open(deployed.http + path, width=width, dark=dark)
                assert tab.value("document.documentElement.scrollWidth") <= width, f"{path} at {width} scrolls sideways"
                assert tab.value("getComputedStyle(document.body).backgroundColor") == (
                    "rgb(15, 20, 26)" if dark else "rgb(246, 247, 249)"
                )
        tab.open(deployed.http, width=1600, dark=False)
        tab.value(
            "document.getElementById('overview').dataset.old = 'yes'; document.querySelector('h2').textContent = ''"
        )
        # The script fetches the page again and puts the new part in place of the old one.
        tab.until("document.querySelector('h2').textContent === 'bike_buyer'")
        assert tab.complaints == []
