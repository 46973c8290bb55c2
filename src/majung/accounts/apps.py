"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Accounts."""

    name = "majung.accounts"
    label = "accounts"
