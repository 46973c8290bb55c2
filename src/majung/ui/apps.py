"""Registers the ui room with Django. It is the first app that is loaded, before any form or manager."""

import django_stubs_ext
from django.apps import AppConfig

# Lets forms and managers carry type arguments (forms.ModelChoiceField[Unit]) at run time too.
django_stubs_ext.monkeypatch()


class UiConfig(AppConfig):
    """The app behind `majung.ui`."""

    name = "majung.ui"
    label = "ui"
    verbose_name = "화면"

    def ready(self) -> None:
        """Register the system checks."""
        from majung.ui import checks  # noqa: F401  reason: app ready
