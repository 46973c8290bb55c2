"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Api."""

    name = "majung.api"
    label = "api"
