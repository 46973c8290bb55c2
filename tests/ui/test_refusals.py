"""A refusal is a sentence with a status, said as page, fragment or JSON; a bug is a number to quote."""

import logging
import re

import pytest
from django.test import Client

from majung.core import errors
from majung.ui import refusals
from majung.ui.middleware import REQUEST_ID, RequestIdFilter

STATUSES = {
    "not-yours": 404,
    "forbidden": 403,
    "invalid": 422,
    "conflict": 409,
    "over-quota": 409,
    "unlawful": 409,
    "bare": 400,
}


def test_every_kind_of_refusal_in_core_has_a_status() -> None:
    assert set(refusals.STATUS) == set(errors.Refusal.__subclasses__()) & {
        kind for kind in vars(errors).values() if isinstance(kind, type)
    }


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_refusal_becomes_a_page(client: Client, kind: str, status: int) -> None:
    response = client.get(f"/refuse/{kind}")

    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    assert "<!doctype html>" in response.content.decode()


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_refusal_becomes_json_for_a_program(client: Client, kind: str, status: int) -> None:
    response = client.get(f"/refuse/{kind}", headers={"Accept": "application/json"})

    assert response.status_code == status
    assert set(response.json()) == {"code", "message"}


def test_json_says_code_and_sentence(client: Client) -> None:
    response = client.get("/refuse/conflict", headers={"Accept": "application/json"})

    assert response.json() == {"code": "test.torn", "message": "서울시당은 그 사이 바뀌었습니다."}


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_refusal_becomes_a_message_for_htmx(client: Client, kind: str, status: int) -> None:
    response = client.get(f"/refuse/{kind}", headers={"HX-Request": "true"})

    assert response.status_code == status
    assert response["HX-Retarget"] == "#messages"
    assert "<html" not in response.content.decode()


def test_a_boosted_request_gets_the_whole_page(client: Client) -> None:
    response = client.get("/refuse/conflict", headers={"HX-Request": "true", "HX-Boosted": "true"})

    assert "<html" in response.content.decode()
    assert "HX-Retarget" not in response


def test_a_refusal_with_markup_is_escaped(client: Client) -> None:
    shown = client.get("/refuse/invalid").content.decode()

    assert "&lt;b&gt;아닙니다&lt;/b&gt;" in shown
    assert "<b>아닙니다</b>" not in shown


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}, {"Accept": "application/json"}])
def test_what_is_not_yours_answers_like_what_does_not_exist(client: Client, headers: dict[str, str]) -> None:
    given = {"X-Request-Id": "same-id-for-both", **headers}

    not_yours, missing = client.get("/refuse/not-yours", headers=given), client.get("/nowhere", headers=given)

    assert not_yours.status_code == missing.status_code == 404
    assert not_yours.content == missing.content
    assert dict(not_yours.headers) == dict(missing.headers)


def test_a_bug_is_not_a_refusal(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.raise_request_exception = False

    response = client.get("/refuse/bug", headers={"X-Request-Id": "abcd1234efgh"})

    shown = response.content.decode()
    assert response.status_code == 500
    assert "abcd1234efgh" in shown
    assert "a bug" not in shown
    assert "server error shown under number abcd1234efgh" in caplog.messages
    assert response["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("headers", "mark"), [({"HX-Request": "true"}, "mj-toast"), ({"Accept": "application/json"}, '"number"')]
)
def test_a_bug_says_its_number_to_everybody(client: Client, headers: dict[str, str], mark: str) -> None:
    client.raise_request_exception = False

    response = client.get("/refuse/bug", headers={"X-Request-Id": "abcd1234efgh", **headers})

    assert response.status_code == 500
    assert mark in response.content.decode()
    assert "abcd1234efgh" in response.content.decode()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("0123456789ab", True), ("short", False), ("x" * 65, False), ("new\nline0000", False), ("", False)],
)
def test_request_id_is_kept_only_when_it_is_one(client: Client, given: str, kept: bool) -> None:
    response = client.get("/ui/samples", headers={"X-Request-Id": given})

    assert (response["X-Request-Id"] == given) is kept
    assert re.fullmatch(r"[0-9A-Za-z-]{8,64}", response["X-Request-Id"])


def test_log_records_carry_the_id_of_their_request() -> None:
    record = logging.LogRecord("room", logging.INFO, "file.py", 1, "a sentence", None, None)
    inside = logging.LogRecord("room", logging.INFO, "file.py", 1, "a sentence", None, None)

    RequestIdFilter().filter(record)
    token = REQUEST_ID.set("0123456789ab")
    RequestIdFilter().filter(inside)
    REQUEST_ID.reset(token)

    assert record.__dict__["request_id"] == "-"
    assert inside.__dict__["request_id"] == "0123456789ab"


def test_every_answer_has_the_security_headers(client: Client) -> None:
    for address in ("/ui/samples", "/refuse/conflict", "/nowhere"):
        response = client.get(address)

        policy = response["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "data:" not in policy
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"
        assert response["Referrer-Policy"] == "same-origin"
        assert response["Cache-Control"] == "no-store"


def test_csp_report_is_logged_by_known_fields_only(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    report = {"csp-report": {"blocked-uri": "inline" + "x" * 400, "secret": "not to be logged"}}

    with caplog.at_level(logging.WARNING, logger="majung.ui.views"):
        response = client.post("/ui/csp-report", report, content_type="application/json")

    assert response.status_code == 204
    (record,) = caplog.records
    assert record.__dict__["blocked_uri"] == ("inline" + "x" * 400)[:300]
    assert "not to be logged" not in str(record.__dict__)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 400),
        (b"[]", 400),
        (b'{"csp-report": 7}', 400),
        (b"[" * 5000, 400),
        (b'{"csp-report": {"blocked-uri": "' + b"x" * 9000 + b'"}}', 413),
    ],
)
def test_csp_report_refuses_nonsense(client: Client, body: bytes, status: int) -> None:
    response = client.post("/ui/csp-report", body, content_type="application/csp-report")

    assert response.status_code == status


def test_csp_report_takes_only_posts(client: Client) -> None:
    assert client.get("/ui/csp-report").status_code == 405


def test_samples_are_hidden_where_they_are_not_switched_on(client: Client, settings: object) -> None:
    settings.SAMPLES, settings.DEBUG = False, False  # type: ignore[attr-defined]

    assert client.get("/ui/samples").status_code == 404


@pytest.mark.parametrize(
    ("address", "status"),
    [("/refuse/forbidden?q=%00", 400), ("/refuse/forbidden?a=b%00c", 400), ("/refuse/a%00b", 404)],
)
def test_an_address_with_a_nul_is_read_no_further(client: Client, address: str, status: int) -> None:
    assert client.get(address).status_code == status


def test_a_wrong_method_gets_a_sentence(client: Client) -> None:
    response = client.get("/ui/csp-report")

    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "그렇게 부를 수 없습니다" in response.content.decode()
