"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Channels."""

    name = "majung.channels"
    label = "channels"
