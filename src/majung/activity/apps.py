"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Activity."""

    name = "majung.activity"
    label = "activity"
