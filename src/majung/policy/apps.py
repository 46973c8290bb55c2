"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Policy."""

    name = "majung.policy"
    label = "policy"
