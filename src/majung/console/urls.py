"""Addresses of the console: each room brings its own pages."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from majung.console import home

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(([path("", home.home, name="home"), path("search/", home.search, name="search")], "console"))),
]
urlpatterns += [
    path("", include(f"majung.{room}.console_urls"))
    for room in ("tree", "people", "people.imports", "consent", "channels", "audience", "campaigns")
    if find_spec(f"majung.{room}.console_urls")
]
