"""What every page knows without its view saying so."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from majung.core import clock


def layout(request: HttpRequest) -> dict[str, Any]:
    """`app_version`, `live_mode` (None until a page says sandbox or live), `demo_clock` and `request_id`.

    An empty `nav` and `tabbar` stand for pages that have none; a view's own values win.
    """
    return {
        "nav": (),
        "tabbar": (),
        "app_version": getattr(settings, "VERSION", ""),
        "live_mode": getattr(settings, "LIVE_MODE", None),
        "demo_clock": clock.seoul() if clock.offset_seconds() else None,
        "request_id": getattr(request, "request_id", ""),
    }
