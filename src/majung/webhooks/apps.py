"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Webhooks."""

    name = "majung.webhooks"
    label = "webhooks"
