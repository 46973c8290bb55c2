"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Crowd."""

    name = "majung.crowd"
    label = "crowd"
