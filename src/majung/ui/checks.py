"""System checks: what must be set for pages to come out as they were designed."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import WARNING, CheckMessage, Error, register
from django.template import engines

OURS = ("majung.ui", "majung.accounts")
PARTIALS, COTTON = "template_partials.loader.Loader", "django_cotton.cotton_loader.Loader"


def _names(loaders: Sequence[Any]) -> list[str]:
    """The loaders in the order in which they are asked, wrapping ones first."""
    names: list[str] = []
    for loader in loaders:
        if isinstance(loader, str):
            names.append(loader)
        else:
            names += [loader[0], *_names(loader[1])]
    return names


@register()
def components_are_rendered(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Cotton and partials need explicit loaders in this order, else `<c-…>` goes out unrendered with status 200."""
    names = _names(engines["django"].engine.loaders)  # type: ignore[attr-defined]
    in_order = [name for name in names if name in (PARTIALS, COTTON)]
    if in_order == [PARTIALS, COTTON]:
        return []
    return [
        Error(
            "components would go out unrendered",
            hint=f"set TEMPLATES loaders: {PARTIALS} around {COTTON}",
            id="ui.E001",
        )
    ]


@register()
def our_sign_in_pages_win(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Our sign-in pages are found before allauth's own."""
    apps = list(settings.INSTALLED_APPS)
    late = [name for name in OURS if "allauth" in apps and name in apps and apps.index(name) > apps.index("allauth")]
    if not late:
        return []
    hint = f"put {' and '.join(late)} before allauth in INSTALLED_APPS"
    return [CheckMessage(WARNING, "sign-in pages come out in allauth's own looks", hint=hint, id="ui.W001")]
