"""Registers the ui room with Django."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "majung.ui"
    label = "ui"
    verbose_name = "화면"
