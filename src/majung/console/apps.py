"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Console."""

    name = "majung.console"
    label = "console"
