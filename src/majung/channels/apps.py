"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Channels."""

    name = "majung.channels"
    label = "channels"

    def ready(self) -> None:
        """The person's page knows the room."""
        from majung.channels import person  # reason: app ready

        person.join()
