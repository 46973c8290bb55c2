"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Audience."""

    name = "majung.audience"
    label = "audience"
