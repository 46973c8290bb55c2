"""Sign-in pages come out in our design, in Korean, and within the content policy."""

import re
from types import SimpleNamespace

import pytest
from allauth.mfa.adapter import get_adapter
from django.apps import apps
from django.core.checks import run_checks
from django.template.loader import get_template
from django.test import Client, RequestFactory

from majung.ui import checks
from majung.ui.templatetags import ui

PAGES = ("login", "password/reset", "signup", "password/reset/done")


@pytest.mark.parametrize("page", PAGES)
def test_sign_in_pages_are_ours(client: Client, page: str) -> None:
    response = client.get(f"/accounts/{page}/")

    shown = response.content.decode()
    assert response.status_code == 200
    assert "mj-bare" in shown
    assert "<c-" not in shown
    assert "style=" not in shown
    assert not re.search(r"<script(?![^>]*\bsrc=)", shown)


def test_a_wrong_password_is_said_at_the_form(client: Client) -> None:
    response = client.post("/accounts/login/", {"login": "not an address", "password": ""})

    shown = response.content.decode()
    assert "곳을 고쳐 주세요" in shown
    assert shown.count('aria-invalid="true"') == 2


def test_second_factor_page_draws_its_qr_without_a_data_address() -> None:
    from django import forms

    form = forms.Form()
    form.secret = "JBSWY3DPEHPK3PXP"  # type: ignore[attr-defined]
    svg = get_adapter().build_totp_svg("otpauth://totp/Majung:a?secret=JBSWY3DPEHPK3PXP")

    request = RequestFactory().get("/")
    request.user = SimpleNamespace(is_authenticated=True)  # type: ignore[assignment]
    shown = get_template("mfa/totp/activate_form.html").render({"form": form, "totp_svg": svg}, request)

    assert "data:" not in shown.split("<body")[1]
    assert '<path d="M4,4' in shown
    assert "JBSWY3DPEHPK3PXP" in shown


@pytest.mark.parametrize(
    "svg", ["", "<svg><script>alert(1)</script></svg>", '<svg viewBox="0 0 9 9"><path d="M0 0" onload="x"/></svg>']
)
def test_a_qr_from_elsewhere_is_drawn_from_its_path_alone(svg: str) -> None:
    drawn = ui.qr(svg)

    assert "script" not in drawn
    assert "onload" not in drawn


def test_qr_code_has_its_quiet_edge_and_says_the_same_for_the_same() -> None:
    drawn = ui.qr_code("https://majung.example/j/8fK2")

    corner = re.search(r'd="M(\d+),(\d+)', drawn)
    assert corner is not None and corner.groups() == ("4", "4")
    assert drawn == ui.qr_code("https://majung.example/j/8fK2")
    assert drawn != ui.qr_code("https://majung.example/j/8fK3")


def test_the_checks_notice_wrong_settings(settings: object) -> None:
    ours = [one for one in run_checks(app_configs=[apps.get_app_config("ui")]) if one.id == "ui.E001"]
    assert ours == []

    loaders = ["django_cotton.cotton_loader.Loader", "django.template.loaders.app_directories.Loader"]
    template = settings.TEMPLATES[0]  # type: ignore[attr-defined]
    settings.TEMPLATES = [{**template, "OPTIONS": {**template["OPTIONS"], "loaders": loaders}}]  # type: ignore[attr-defined]

    assert [one.id for one in checks.components_are_rendered(None)] == ["ui.E001"]


@pytest.mark.parametrize(("order", "ids"), [(["majung.ui", "allauth"], []), (["allauth", "majung.ui"], ["ui.W001"])])
def test_the_check_notices_whose_sign_in_pages_win(
    monkeypatch: pytest.MonkeyPatch, order: list[str], ids: list[str]
) -> None:
    monkeypatch.setattr(checks, "settings", SimpleNamespace(INSTALLED_APPS=order))

    assert [one.id for one in checks.our_sign_in_pages_win(None)] == ids
