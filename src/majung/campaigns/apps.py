"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Campaigns."""

    name = "majung.campaigns"
    label = "campaigns"
