"""App config of the room."""

from django.apps import AppConfig


class Config(AppConfig):
    """Delivery."""

    name = "majung.delivery"
    label = "delivery"
