"""HMAC-SHA256 header of the gateway (kakao.md §4.1): window, replay, spelling, refusals."""

import json
from datetime import timedelta

import pytest

from tests.sandbox.harness import Client

BALANCE = "/cash/v1/balance"


def refused(client: Client, header: str) -> tuple[int, str]:
    status, body = client.raw("GET", BALANCE, Authorization=header)
    return status, json.loads(body).get("errorCode", "")


def test_signature_matches_the_published_check_value(client):
    client.secret = "SANDBOX-SECRET"

    header = client.signed("2026-03-02T09:00:00+09:00", "0123456789abcdef0123456789abcdef")

    assert header.endswith("signature=da6a3b32348f4d30e90e35493de3e906032d90e2d417c2df0ac162ffacaf78c1")


@pytest.mark.parametrize(
    "names", ["apiKey date salt signature", "ApiKey Date salt signature", "APIKEY DATE SALT SIGNATURE"]
)
def test_names_are_read_in_any_case(client, names):
    assert refused(client, client.signed(names=names)) == (200, "")


def test_a_signature_is_good_once(client):
    header = client.signed()

    assert refused(client, header) == (200, "")
    assert refused(client, header) == (403, "DuplicatedSignature")


@pytest.mark.parametrize(
    ("seconds", "code"), [(-880, ""), (880, ""), (-920, "RequestTimeTooSkewed"), (920, "RequestTimeTooSkewed")]
)
def test_the_window_is_fifteen_minutes_of_the_sandbox_clock(client, seconds, code):
    date = (client.now() + timedelta(seconds=seconds)).isoformat()

    assert refused(client, client.signed(date))[1] == code


def test_wrong_secret_key_salt_and_date_are_told_apart(client):
    stranger = Client(client.port, key="nobody")
    liar = Client(client.port, secret="wrong")
    liar.offset = stranger.offset = client.offset

    assert refused(client, stranger.signed()) == (403, "InvalidAPIKey")
    assert refused(client, liar.signed()) == (403, "SignatureDoesNotMatch")
    assert refused(client, client.signed(salt="short")) == (403, "SignatureDoesNotMatch")
    assert refused(client, client.signed(date="yesterday")) == (403, "SignatureDoesNotMatch")
    assert refused(client, "Basic abc") == (401, "Unauthorized")
    assert refused(client, "HMAC-SHA256 ") == (403, "InvalidAPIKey")


def test_no_header_is_refused(client):
    status, body = client.raw("GET", BALANCE)

    assert (status, b"errorMessage" in body) == (401, True)
