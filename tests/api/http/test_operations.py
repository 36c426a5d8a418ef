"""Health, metrics and the description of the API."""

from __future__ import annotations

import re
from importlib.metadata import version

import httpx

from api.models import HealthAnswer
from tests.api.http.asking import checked, problem


def test_alive_and_ready(client: httpx.Client) -> None:
    """Every part is named, and well."""
    live = checked(client.get("/health/live"), HealthAnswer)
    ready = checked(client.get("/health/ready"), HealthAnswer)

    assert {"status": "ok", "parts": {}} == live
    assert {"model": "openvino", "store": "ok", "index": "ok"} == ready["parts"]
    assert ("ok", 0) == (ready["status"], ready["spooled"])
    assert ready["precedents_indexed"] > 1_000


def test_metrics_count_by_route_and_not_by_what_callers_write(client: httpx.Client) -> None:
    """Prometheus' text format; a path that nobody offers makes no label."""
    client.post("/advise", params={"dry_run": True}, json={"text": "boom"})
    client.get("/incidents/8f14e45f-ceea-467f-a0e6-2d3c4b5a6978")
    client.get("/no-such-path-as-this")
    response = client.get("/metrics")

    assert (200, True) == (response.status_code, response.headers["content-type"].startswith("text/plain; version=0.0"))
    assert 'seenbefore_requests_total{method="POST",route="/advise",status="200"}' in response.text
    assert 'seenbefore_requests_total{method="GET",route="/incidents/{incident_id}",status="404"}' in response.text
    assert "seenbefore_store_up 1.0" in response.text
    assert "no-such-path" not in response.text


def test_api_is_described(client: httpx.Client) -> None:
    """The page, the document, and every call of the contract in it; `docs/reference/` has those beyond it."""
    paths = client.get("/openapi.json").json()["paths"]

    assert 200 == client.get("/docs").status_code
    assert {
        ("/advise", "post"),
        ("/incidents", "get"),
        ("/incidents", "post"),
        ("/incidents/import", "post"),
        ("/incidents/{incident_id}", "get"),
        ("/incidents/{incident_id}/outcome", "post"),
        ("/incidents/{incident_id}/resolution", "post"),
        ("/precedents/{precedent_id}", "get"),
        ("/precedents/{precedent_id}", "patch"),
        ("/precedents/{precedent_id}/merge", "post"),
        ("/precedents/{precedent_id}/split", "post"),
        ("/precedents/{precedent_id}/undo", "post"),
        ("/precedents/{precedent_id}/history", "get"),
        ("/runs", "get"),
        ("/runs/{run_id}", "get"),
        ("/runs/{run_id}", "put"),
        ("/runs/{run_id}/resume-point", "get"),
        ("/runs/{run_id}/decisions", "get"),
        ("/runs/{run_id}/decisions", "post"),
        ("/runs/{run_id}/steps/{step}", "get"),
        ("/runs/{run_id}/steps/{step}", "put"),
        ("/runs/{run_id}/steps/{step}/hand-over", "post"),
        ("/runs/{run_id}/steps/{step}/sub-tasks/{name}", "get"),
        ("/runs/{run_id}/steps/{step}/sub-tasks/{name}", "put"),
        ("/sub-tasks/reusable", "get"),
        ("/decisions", "get"),
        ("/schemas", "get"),
        ("/schemas/{domain}", "get"),
        ("/schemas/{domain}/versions/{version}", "put"),
        ("/storms", "get"),
        ("/calibration", "get"),
        ("/search", "get"),
        ("/health/live", "get"),
        ("/health/ready", "get"),
        ("/metrics", "get"),
    } <= {(path, method) for path, methods in paths.items() for method in methods}


def test_page_about_the_api_needs_no_network(client: httpx.Client) -> None:
    """It names no outside address, all that it names is there, and the browser is told to fetch nothing else."""
    page = client.get("/docs")
    named = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""", page.text)
    served = {path: client.get(path) for path in named}

    assert [] == re.findall(r"https?:|[\"'(]//", page.text)
    assert {
        "/docs/assets/swagger-ui-bundle.js": "text/javascript",
        "/docs/assets/swagger-ui.css": "text/css",
        "/docs/assets/favicon.png": "image/png",
        "/openapi.json": "application/json",
    } == {path: answer.headers["content-type"].partition(";")[0] for path, answer in served.items()}
    assert {200} == {answer.status_code for answer in served.values()}
    assert "SwaggerUIBundle" in served["/docs/assets/swagger-ui-bundle.js"].text
    assert [] == re.findall(r"url\((?![\"']?data:)|@import", served["/docs/assets/swagger-ui.css"].text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    problem(client.get("/docs/assets/nothing.js"), 404)


def test_version_is_the_packages(client: httpx.Client) -> None:
    """Stated once, in pyproject.toml."""
    assert version("seenbefore-server") == client.get("/openapi.json").json()["info"]["version"]


def test_what_is_not_offered(client: httpx.Client) -> None:
    """An unknown path is 404, a method of another path 405 with those that are taken."""
    problem(client.get("/nowhere"), 404)
    refused = client.delete("/advise")

    problem(refused, 405)
    assert "POST" == refused.headers["allow"]
