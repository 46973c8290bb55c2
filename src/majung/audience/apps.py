"""App config of the room."""

from django.apps import AppConfig

from majung.crowd import catalogue


class Config(AppConfig):
    """Audience: every base set of the rooms below can be asked for."""

    name = "majung.audience"
    label = "audience"

    def ready(self) -> None:
        """Load the base sets."""
        catalogue.load()
