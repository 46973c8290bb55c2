"""Registers the ui room with Django."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """The app behind `majung.ui`."""

    name = "majung.ui"
    label = "ui"
    verbose_name = "화면"

    def ready(self) -> None:
        """Register the system checks."""
        from majung.ui import checks  # noqa: F401  reason: app ready
