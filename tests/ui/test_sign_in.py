"""Sign-in pages and what is left to allauth come out in our design and within the content policy; QR codes; checks."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.template.loader import get_template
from django.test import Client

from majung import accounts
from majung.ui import checks
from majung.ui.templatetags import ui

PAGES = ("login", "password/reset", "signup", "password/reset/done", "confirm-email")


@pytest.fixture(autouse=True)
def with_accounts(settings: Any) -> None:
    (template,) = settings.TEMPLATES
    settings.TEMPLATES = [{**template, "DIRS": [*template["DIRS"], Path(accounts.__file__).parent / "templates"]}]


def test_elements_of_allauth_are_ours() -> None:
    shown = get_template("tests/elements.html").render({"hostile": '"><b>'})

    assert '<button type="submit" class="btn btn-primary">켜기</button>' in shown
    assert '<label class="form-label" for="a">열쇠</label>' in shown
    assert "<b>" not in shown


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


@pytest.mark.parametrize(
    ("order", "ids"),
    [(["majung.ui", "majung.accounts", "allauth"], []), (["majung.ui", "allauth", "majung.accounts"], ["ui.W001"])],
)
def test_the_check_notices_whose_sign_in_pages_win(
    monkeypatch: pytest.MonkeyPatch, order: list[str], ids: list[str]
) -> None:
    monkeypatch.setattr(checks, "settings", SimpleNamespace(INSTALLED_APPS=order))

    assert [one.id for one in checks.our_sign_in_pages_win(None)] == ids
