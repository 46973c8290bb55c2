"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Portal."""

    name = "majung.portal"
    label = "portal"
