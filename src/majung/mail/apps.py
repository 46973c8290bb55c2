"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Mail."""

    name = "majung.mail"
    label = "mail"

    def ready(self) -> None:
        """The person's page knows the room."""
        from majung.mail import console  # reason: app ready

        console.join()
