"""Signatures are those of the Standard Webhooks specification."""

import base64
from datetime import UTC, datetime

from majung.webhooks import sign


def test_published_vector() -> None:
    """The example that the specification's own libraries are tested with."""
    secret, message = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    wanted = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign.signature(secret, message, 1614265330, b'{"test": 2432232314}') == wanted


def test_secrets_are_long_and_never_the_same() -> None:
    first, second = sign.new_secret(), sign.new_secret()
    assert first != second
    assert 24 <= len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) <= 64


def test_two_secrets_sign_beside_each_other() -> None:
    at = datetime(2027, 3, 3, 3, 0, 0, 900_000, tzinfo=UTC)
    new, old = sign.new_secret(), sign.new_secret()
    said = sign.headers([new, old], "one", at, b"{}")
    assert said["webhook-timestamp"] == str(int(at.timestamp()))
    assert said["webhook-signature"].split(" ") == [
        sign.signature(secret, "one", int(at.timestamp()), b"{}") for secret in (new, old)
    ]
