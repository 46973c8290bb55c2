"""Signing in, the lockout, the second factor, the first start (X7, O7)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.test import Client

from majung.accounts import services as accounts
from majung.accounts.models import SignInFailure, User
from majung.core import clock
from majung.tree.console import entry
from majung.tree.models import Organisation, Unit
from tests.make import tree as make
from tests.make.tree import PASSWORD

pytestmark = [pytest.mark.product("X7"), pytest.mark.django_db]
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def fast_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture
def owner() -> User:
    made = make.organisation(owner=make.user(email="owner@example.com", password=PASSWORD))
    return made.owner


def sign_in(client: Client, email: str = "owner@example.com", password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": email, "password": password})


def test_sign_in_and_out(owner: User) -> None:
    client = Client()

    page = client.get(f"{LOGIN}?next=/grants/").content.decode()
    entered = client.post(
        f"{LOGIN}?next=/grants/", {"login": "OWNER@example.com", "password": PASSWORD, "next": "/grants/"}
    )
    inside = client.get("/tree/").status_code
    assert client.get("/accounts/logout/").status_code == 200
    client.post("/accounts/logout/")

    assert "초대 링크" in page
    assert "<c-" not in page
    assert "mj-bare" in page
    assert (entered.status_code, entered.headers["Location"], inside) == (302, "/grants/", 200)
    assert client.get("/tree/").status_code == 302


def test_next_leads_nowhere_else(owner: User) -> None:
    response = Client().post(
        LOGIN, {"login": "owner@example.com", "password": PASSWORD, "next": "https://evil.example/"}
    )

    assert (response.status_code, response.headers["Location"]) == (302, "/")


@pytest.mark.parametrize("email", ["owner@example.com", "nobody@example.com"])
def test_five_failures_lock_the_address_whether_it_exists_or_not(owner: User, email: str) -> None:
    client = Client()
    answers = [sign_in(client, email, "wrong password") for _ in range(5)]
    locked = sign_in(client, email, PASSWORD)
    upper = sign_in(Client(), email.upper(), PASSWORD)

    assert [a.status_code for a in answers] == [200] * 5
    assert not any("잠갔습니다" in a.content.decode() for a in answers)
    assert "15분 동안 잠갔습니다" in locked.content.decode()
    assert "15분 동안 잠갔습니다" in upper.content.decode()
    assert client.get("/tree/").status_code == 302
    assert email.encode() not in b"".join(bytes(f.subject) for f in SignInFailure.objects.all())


def test_unknown_address_and_wrong_password_read_alike(owner: User) -> None:
    def said(email: str) -> str:
        body = sign_in(Client(), email, "wrong password").content.decode()
        return re.sub(r'value="[^"]*"|[0-9a-f]{12,}', "", body)

    assert said("owner@example.com") == said("nobody@example.com")


def test_the_lock_opens_after_a_quarter_of_an_hour(owner: User) -> None:
    for _ in range(5):
        accounts.note_failure("owner@example.com")

    with clock.frozen(clock.now() + timedelta(minutes=15, seconds=1)):
        assert accounts.is_locked("owner@example.com") is False
        assert sign_in(Client()).status_code == 302


def test_success_begins_the_count_anew(owner: User) -> None:
    client = Client()
    for _ in range(4):
        sign_in(client, password="wrong password")
    assert sign_in(client).status_code == 302
    sign_in(Client(), password="wrong password")

    assert accounts.is_locked("owner@example.com") is False
    assert sign_in(Client()).status_code == 302


def test_old_failures_are_swept(owner: User) -> None:
    accounts.note_failure("a@example.com")
    with clock.frozen(clock.now() + timedelta(days=2)):
        accounts.note_failure("b@example.com")

    assert SignInFailure.objects.count() == 1


def test_inactive_users_stay_out(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    client = Client()

    sign_in(client)

    assert client.get("/tree/").status_code == 302
    client.force_login(owner)
    assert client.get("/tree/").status_code == 302


def test_nobody_signs_up(owner: User) -> None:
    response = Client().post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD})

    assert "초대로 가입합니다" in response.content.decode()
    assert User.objects.count() == 1


def test_second_factor_from_setting_up_to_signing_in(owner: User) -> None:
    client = Client()
    sign_in(client)
    asked = client.get("/accounts/2fa/totp/activate/")
    client.post(asked.headers["Location"], {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    assert "<svg" in page.content.decode()
    assert 'style="' not in page.content.decode().replace("<svg", "")
    secret = page.context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    listed = client.get("/accounts/2fa/").content.decode()
    codes = client.get("/accounts/2fa/recovery-codes/")

    second = Client()
    first_step = sign_in(second)
    between = second.get("/tree/").status_code
    shown = second.get("/accounts/2fa/authenticate/").content.decode()
    wrong = second.post("/accounts/2fa/authenticate/", {"code": "000000"})
    right = second.post("/accounts/2fa/authenticate/", {"code": codes.context["unused_codes"][0]})

    assert "켜져 있습니다" in listed
    assert len(codes.context["unused_codes"]) == 10
    assert (first_step.headers["Location"], between) == ("/accounts/2fa/authenticate/", 302)
    assert "두 번째 확인" in shown
    assert (wrong.status_code, right.status_code, second.get("/tree/").status_code) == (200, 302, 200)


def code_of(secret: str) -> str:
    """What an authenticator app would show now."""
    return totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))


def test_reauthentication_asks_for_the_password_and_counts_failures(owner: User) -> None:
    client = Client()
    sign_in(client)

    wrong = client.post("/accounts/reauthenticate/", {"password": "wrong password"})
    right = client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    assert (wrong.status_code, right.status_code) == (200, 302)
    assert SignInFailure.objects.count() == 0
    client.post("/accounts/reauthenticate/", {"password": "wrong password"})
    assert SignInFailure.objects.count() == 1


def test_password_is_changed_and_bad_ones_are_not(owner: User) -> None:
    client = Client()
    sign_in(client)

    def change(new: str) -> Any:
        return client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert [change(bad).status_code for bad in ("short", "1234567890", "password123")] == [200, 200, 200]
    assert change("eight calm mountains").status_code == 302
    assert User.objects.get(pk=owner.pk).check_password("eight calm mountains")


PAGES = (
    "/accounts/login/", "/accounts/logout/", "/accounts/password/change/", "/accounts/password/reset/",
    "/accounts/password/reset/done/", "/accounts/password/reset/key/1-x/", "/accounts/inactive/", "/accounts/reauthenticate/",
    "/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/2fa/recovery-codes/generate/",
)  # fmt: skip


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("signed_in", [True, False])
def test_every_account_page_wears_our_design(owner: User, url: str, signed_in: bool) -> None:
    client = Client()
    if signed_in:
        client.force_login(owner)

    response = client.get(url, follow=True)

    body = response.content.decode()
    assert "<c-" not in body
    assert "mj-" in body or response.redirect_chain
    assert 'style="' not in re.sub(r"<svg.*?</svg>", "", body, flags=re.DOTALL)
    assert "<script>" not in body


START = {
    "organisation": "가람당", "kind": "political", "entity": "가람당 중앙당", "email": "first@example.com", "password": PASSWORD,
}  # fmt: skip


@pytest.mark.product("O7")
def test_first_start_makes_an_owner_who_is_signed_in() -> None:
    client = Client()

    page = client.get("/start/")
    made = client.post("/start/", START)

    assert (page.status_code, made.status_code, made.headers["Location"]) == (200, 302, "/tree/")
    assert "단체" in page.content.decode()
    assert client.get("/tree/").status_code == 200
    assert (Organisation.objects.get().name, Unit.objects.get().name) == ("가람당", "가람당")
    assert [Client().get("/start/").status_code, Client().post("/start/", START).status_code] == [404, 404]
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"organisation": ""},
        {"kind": "empire"},
        {"email": "x"},
        {"password": "short"},
        {"entity": "가" * 81},
        {"kind": ""},
    ],
)
def test_bad_first_starts_come_back_with_422(change: dict[str, str]) -> None:
    assert Client().post("/start/", {**START, **change}).status_code == 422
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "meta",
    [
        {"REMOTE_ADDR": "203.0.113.7"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "not an address"},
        {"HTTP_X_FORWARDED_FOR": "203.0.113.7"},
        {"HTTP_FORWARDED": "for=203.0.113.7"},
    ],
)
def test_first_start_is_closed_to_other_machines(meta: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().get("/start/", **meta).status_code == 404
    assert Client().post("/start/", START, **meta).status_code == 404
    assert User.objects.count() == 0

    monkeypatch.setattr(entry, "SETUP_TOKEN", "only-for-the-owner")
    assert Client().get("/start/?token=guess", **meta).status_code == 404
    assert Client().get("/start/?token=한글", **meta).status_code == 404
    assert Client().get("/start/?token=only-for-the-owner", **meta).status_code == 200
    assert Client().post("/start/", {**START, "token": "only-for-the-owner"}, **meta).status_code == 302
