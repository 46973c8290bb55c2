"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """People."""

    name = "majung.people"
    label = "people"
