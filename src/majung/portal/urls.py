"""Addresses of the portal. The short form of a preference link saves letters in messages."""

from django.urls import URLPattern, URLResolver, path, re_path

from majung.portal import pages, preferences

app_name = "portal"
urlpatterns: list[URLPattern | URLResolver] = [
    path("u/<uuid:public_id>/", pages.unit, name="unit"),
    path("u/<uuid:public_id>/find/", pages.find, name="find"),
    path("u/<uuid:public_id>/join/", pages.join, name="join"),
    path("u/<uuid:public_id>/thanks/", pages.thanks, name="thanks"),
    path("m/<str:token>", preferences.preferences, name="preferences"),
    re_path(r"^(?P<token>[A-Za-z0-9_-]{36})$", preferences.preferences, name="preferences_short"),
]
