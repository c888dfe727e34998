"""The page at the loopback port: what it shows of a system, and what it must never show or do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.errors import ServiceError
from emulator.pages import charts, models, redaction
from emulator.pages.client import Client
from emulator.pages.rendering import FOLDER, ago, duration, figure
from emulator.server import build
from emulator.service import Emulator
from emulator.settings import Settings
from tests.unit.pages_world import (
    COMPONENT,
    CONTAINERS,
    DATA,
    ENDPOINT,
    GATE,
    JOB,
    LOSER,
    MODEL,
    SCRIPT,
    SECRETS,
    SHA,
    WORKSPACE,
    Browser,
    empty,
    links,
    put,
    requests,
    seed,
)

PAGES = ("/", "/jobs", "/models", "/containers", "/resources", "/telemetry")
RESOURCES = (
    *(
        JOB,
        LOSER,
        GATE,
        MODEL,
        f"{MODEL}/versions/1",
        f"{MODEL}/versions/2",
        ENDPOINT,
        f"{ENDPOINT}/deployments/v1",
        DATA,
    ),
    *(WORKSPACE, COMPONENT, CONTAINERS),
)
METRICS = {"run": {"data": {"metrics": [{"key": "auc", "value": 0.8686, "step": 2}]}}}
HISTORY = {"metrics": [{"key": "auc", "value": value, "step": step} for step, value in enumerate((0.7, 0.8, 0.8686))]}


AA = 4.5
"""https://www.w3.org/TR/WCAG22/#contrast-minimum."""


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG counts it."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def tracking(self: Client, path: str, **query: str) -> dict[str, Any]:
    """MLflow's answers: a real server takes ten seconds to start."""
    return METRICS if path == "runs/get" else HISTORY


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator in this process."""
    emulator = build(Settings(tmp_path_factory.mktemp("pages"), 1, 2, "identity-secret"))
    yield emulator
    for service in reversed(emulator.services):
        service.stop()
    emulator.background.shutdown()
    emulator.store.close()


@pytest.fixture
def fresh(built: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """An emulator without anything in it."""
    monkeypatch.setattr(Client, "tracking", tracking)
    empty(built)
    return built


@pytest.fixture
def browser(fresh: Emulator) -> Browser:
    """A browser beside an emulator with a system."""
    seed(fresh)
    return Browser(fresh)


def test_the_first_page_says_what_serves_whether_it_is_healthy_and_what_happened(browser: Browser) -> None:
    requests(browser.emulator, 40)
    found = browser.words("/")
    assert "100 % v1 · bike v1 champion" in found
    assert "healthy" in found
    assert "Requests 40 in the last hour" in found
    assert "auc 0.8686" in found
    assert "on customers fb03ad00bd03 real" in found
    assert (
        "champion kept bike-0 judged by bike-gate-2 auc 0.8611 is below the champion's 0.8686; the champion stays"
        in found
    )
    assert "model version rejected just now bike v2" in found
    assert "became champion just now bike v1" in found


def test_a_job_happened_when_it_ended_not_when_it_was_written_to(browser: Browser) -> None:
    began = time.time() - 7200
    said = {"experimentName": "bike", "jobType": "Command", "status": "Completed", "displayName": "bike-1"}
    private = {"created": began - 10, "began": began, "ended": began + 1800}
    put(browser.emulator, JOB, {}, private=private, tags={"kind": "training"}, **said)
    assert "training job completed 1 h ago bike-1" in browser.words("/")


def test_an_endpoint_without_deployments_belongs_to_the_system_in_its_name(fresh: Emulator) -> None:
    put(fresh, WORKSPACE, {"location": "westeurope"}, workspaceId="w")
    put(fresh, JOB, {}, experimentName="bike_buyer", jobType="Command", status="Running", displayName="one")
    place = {"location": "westeurope"}
    put(fresh, f"{WORKSPACE}/onlineEndpoints/oep-bike-buyer-x1", place, traffic={}, authMode="Key")
    put(fresh, f"{WORKSPACE}/onlineEndpoints/oep-bike-buyers", place, traffic={}, authMode="Key")
    found = Browser(fresh).words("/")
    assert "bike_buyer serves nothing yet, 1 running Endpoint oep-bike-buyer-x1" in found
    assert "oep-bike-buyers serves nothing Endpoint oep-bike-buyers" in found


def test_an_empty_emulator_says_that_nothing_is_there(fresh: Emulator) -> None:
    browser = Browser(fresh)
    assert "Nothing is here yet" in browser.words("/")
    for path in PAGES:
        browser.text(path)


@pytest.mark.parametrize(
    ("count", "status", "model", "words"),
    [
        (1, 424, 500, "1.0% of the requests failed"),
        (50, 503, None, "33.3% of the requests failed"),
        (50, 424, 422, "healthy"),
    ],
)
def test_failures_are_the_services_and_not_its_clients(
    browser: Browser, count: int, status: int, model: int | None, words: str
) -> None:
    requests(browser.emulator, 100)
    requests(browser.emulator, count, status, model)
    assert words in browser.words("/")


def test_a_failed_deployment_with_traffic_is_said_first(browser: Browser) -> None:
    put(browser.emulator, f"{ENDPOINT}/deployments/v1", {"tags": {"sha256": SHA}}, provisioningState="Failed")
    found = browser.text("/")
    assert 'class="system bad"' in found
    assert "v1 failed and has traffic" in found


def test_lineage_leads_from_the_data_to_the_deployment(browser: Browser) -> None:
    found = browser.text(f"/resource{MODEL}/versions/1")
    for target in (DATA, JOB, f"{ENDPOINT}/deployments/v1"):
        assert f"/resource{target}" in links(found)
    assert "acr.azurecr.localhost:1/bike:9f2c" in found
    assert SHA in found
    assert "same digest" in found


@pytest.mark.parametrize(
    ("properties", "job"),
    [
        ({"properties": {"job": "named-1"}, "modelUri": "azureml://jobs/other/outputs/x"}, "named-1"),
        ({"jobName": "registered-1"}, "registered-1"),
        ({"modelUri": "azureml://jobs/run-1/outputs/artifacts/paths/model/"}, "run-1"),
        ({"modelUri": "azureml://datastores/d/paths/azureml/folder-1/model/"}, "folder-1"),
        ({"modelUri": "azureml://datastores/d/paths/ExperimentRun/dcid.run-2/outputs/"}, "run-2"),
        ({"modelUri": "azureml://datastores/d/paths/LocalUpload/1/model"}, ""),
    ],
)
def test_the_job_behind_a_model_is_found(properties: dict[str, Any], job: str) -> None:
    document = {"id": f"{MODEL}/versions/1", "name": "1", "properties": properties}
    assert models.version(document, "bike", "").job == job


def test_a_job_shows_its_metrics_and_its_errors(browser: Browser) -> None:
    found = browser.text(f"/resource{JOB}")
    assert "auc over 3 steps, at the end 0.8686" in found
    assert "/runs/bike-1" in links(found)
    for judged in (GATE, LOSER):
        assert "Verdict champion kept bike-0 judged by bike-gate-2 auc 0.8611" in browser.words(f"/resource{judged}")
    assert "Verdict" not in browser.words(f"/resource{JOB}")


def test_the_last_verdict_is_the_one_decided_last(browser: Browser) -> None:
    said: dict[str, Any] = {"experimentName": "bike", "jobType": "Command", "status": "Completed", "displayName": "x"}
    verdict = {"system": "bike", "verdict": "promoted", "decided": "2099-01-01T00:00:00+00:00"}
    put(browser.emulator, JOB, {}, tags=verdict, **said)
    assert "Last challenger promoted bike-1" in browser.words("/")


def test_a_job_that_runs_is_looked_at_again(browser: Browser) -> None:
    put(browser.emulator, JOB, {}, experimentName="bike", jobType="Command", status="Running", displayName="bike-1")
    found = browser.text(f"/resource{JOB}")
    assert '<script src="/assets/live.js" data-seconds="2" defer>' in found
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in found
    assert "live.js" not in browser.text(f"/resource{GATE}")


def test_metrics_that_are_not_there_yet_do_not_hold_the_page_up(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(self: Client, path: str, **query: str) -> dict[str, Any]:
        raise TimeoutError

    monkeypatch.setattr(Client, "tracking", late)
    found = browser.text(f"/resource{JOB}")
    assert "MLflow is starting" in found
    assert "live.js" in found


def test_resources_are_a_tree(browser: Browser) -> None:
    found = browser.text("/resources")
    inside = [f"/resource{one}" for one in RESOURCES]
    assert set(inside) <= set(links(found))


def test_a_query_is_answered_or_refused_in_words(browser: Browser) -> None:
    assert "0 rows" in browser.words("/telemetry?query=requests")
    found = browser.text("/telemetry?query=" + "requests%20%7C%20nonsense%20%3Cscript%3E")
    assert "The query was refused" in found
    assert "<script>" not in found.split("<main", 1)[1]


def test_charts_take_what_metrics_bring() -> None:
    wild = [(float(step), float("nan") if step == 7 else step / 3) for step in range(100_000)]
    chart = charts.plot(wild, "loss")
    (drawn,) = chart.lines
    assert len(drawn.split()) <= charts.MOST_POINTS + 1
    assert "nan" not in drawn
    assert drawn.endswith(" 317,3")
    assert charts.plot([(0.0, 0.5)], "one step").lines == ["3,48 3,48"]
    assert charts.line([None, 2.0, None, 1.0, 1.0], "gaps").lines == ["61.5,3 61.5,3", "178.5,24 237,24"]


def test_text_can_be_read_in_light_and_dark() -> None:
    sheet = FOLDER.joinpath("assets/page.css").read_text()
    light, dark = (dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", part)) for part in sheet.split("@media", 2)[:2])
    low = {
        (scheme, text, ground): round(contrast(colours[text], colours[ground]), 2)
        for scheme, colours in (("light", light), ("dark", dark))
        for text in ("text", "quiet", "accent", "good", "busy", "warning", "bad", "idle")
        for ground in ("ground", "surface", "sunken")
        if contrast(colours[text], colours[ground]) < AA
    }
    assert low == {}


# -- what must never be


def test_no_page_shows_a_secret_or_runs_what_a_document_says(browser: Browser) -> None:
    for path in (*PAGES, *(f"/resource{one}" for one in RESOURCES)):
        found = browser.text(path)
        assert [secret for secret in SECRETS if secret in found] == [], path
        assert SCRIPT not in found, path
        assert "alert(" not in found.replace("&lt;script&gt;alert(", ""), path
        assert [one for one in links(found) if not one.startswith(("/", "#"))] == [], path


def test_the_names_of_variables_stay(browser: Browser) -> None:
    found = browser.words(f"/resource{ENDPOINT}/deployments/v1")
    assert '"WORD": "(hidden)"' in found


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.nip.io", "localhost.example", "", "10.0.0.7"])
def test_other_names_of_this_machine_are_refused(browser: Browser, host: str) -> None:
    for path in (*PAGES, "/telemetry?query=requests", f"/resource{JOB}", "/assets/page.css"):
        found = browser.answer(path, host=host)
        assert found.status == 421, path
        assert b"bike" not in (found.body if isinstance(found.body, bytes) else b""), path


def test_other_sites_may_lead_here_and_no_more(browser: Browser) -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert browser.answer("/", **link).status == 200
    assert browser.answer("/telemetry?query=requests", **link).status == 403
    assert browser.answer("/", sec_fetch_site="cross-site", sec_fetch_mode="no-cors").status == 403
    assert browser.answer("/", sec_fetch_site="same-origin", sec_fetch_mode="cors").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_changed(browser: Browser, method: str) -> None:
    for path in (*PAGES, f"/resource{JOB}", "/assets/live.js"):
        assert browser.answer(path, method=method).status == 405, path


@pytest.mark.parametrize("path", ["/", "/assets/live.js", "/resource/subscriptions/nowhere", "/telemetry?query=x"])
def test_every_answer_has_the_strict_headers(browser: Browser, path: str) -> None:
    headers = browser.answer(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["/resource/subscriptions/x", f"/resource{JOB}-none", f"/resource{WORKSPACE}/jobs", "/assets/service.py"]
)
def test_what_is_not_there_is_a_page_too(browser: Browser, path: str) -> None:
    assert "There is nothing here" in browser.text(path, 404)


def test_the_page_leaves_every_document_as_it_was(browser: Browser) -> None:
    before = [(one.key, one.etag) for one in browser.emulator.store.below("/subscriptions")]
    for path in (*PAGES, *(f"/resource{one}" for one in RESOURCES)):
        browser.text(path)
    assert [(one.key, one.etag) for one in browser.emulator.store.below("/subscriptions")] == before


def test_the_client_hears_what_is_refused(fresh: Emulator) -> None:
    with pytest.raises(ServiceError, match="not found"):
        Client(fresh).get(JOB)


# -- how things are written


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://a/b?se=1&sig=abc%2Fdef&sp=r", "https://a/b?se=1&sig=(hidden)&sp=r"),
        ("AccountName=a;AccountKey=Zm9v==;X=1", "AccountName=a;AccountKey=(hidden);X=1"),
        ("InstrumentationKey=1-2;IngestionEndpoint=u", "InstrumentationKey=(hidden);IngestionEndpoint=u"),
        ("Authorization: Bearer abcdefghijklmnopqrstuvw", "Authorization: Bearer (hidden)"),
        ("token eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln end", "token (hidden) end"),
        (f"key {'Ab1+' * 21}Zz== end", "key (hidden) end"),
        ("git clone https://me:pass@host/x", "git clone https://me:(hidden)@host/x"),
        ("significant figures: sig 5, design=2", "significant figures: sig 5, design=2"),
        ("auc=0.86 step 200", "auc=0.86 step 200"),
    ],
)
def test_secrets_are_told_by_their_shape(given: str, kept: str) -> None:
    assert redaction.text(given) == kept


@pytest.mark.parametrize("name", ["primaryKey", "ConnectionString", "adminPassword", "sasToken", "clientSecret"])
def test_secrets_are_told_by_their_name(name: str) -> None:
    assert redaction.document({"a": [{name: "value"}]}) == {"a": [{name: "(hidden)"}]}
    assert redaction.document({"name": name, "value": "x"}) == {"name": name, "value": "(hidden)"}


def test_what_is_no_secret_stays() -> None:
    value = {"authMode": "Key", "keyVault": "/subscriptions/x/vaults/kv", "traffic": {"v1": 100}, "enabled": True}
    assert redaction.document(value) == value


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "3 s"), (200, "3 min 20 s"), (1800, "30 min"), (7500, "2 h 5 min"), (400_000, "4 d")]
)
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_times_are_relative_with_the_time_itself_as_title() -> None:
    found = ago("2026-03-01T10:00:00.5Z", now=1772359500.0)
    assert 'title="2026-03-01 10:00:00 UTC"' in found
    assert ">4 min ago<" in found


@pytest.mark.parametrize(
    ("value", "words"), [(0.868575, "0.8686"), (1234567, "1,234,567"), (0.00001234, "1.234e-05"), (26.37, "26.37")]
)
def test_figures_have_four_digits(value: float, words: str) -> None:
    assert figure(value) == words
