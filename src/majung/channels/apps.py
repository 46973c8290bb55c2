"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Channels."""

    name = "majung.channels"
    label = "channels"

    def ready(self) -> None:
        """The person's page and the organisation page know the room."""
        from majung.channels import person, units  # reason: app ready

        person.join()
        units.join()
