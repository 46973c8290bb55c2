"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Consent."""

    name = "majung.consent"
    label = "consent"
