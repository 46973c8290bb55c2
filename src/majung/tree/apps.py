"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Tree."""

    name = "majung.tree"
    label = "tree"
