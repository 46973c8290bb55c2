"""Addresses of the console: each room brings its own pages."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from majung.console import duties, home, waking

own = [
    path("", home.home, name="home"),
    path("search/", home.search, name="search"),
    path("wake/", waking.wake, name="wake"),
    path("duties/<int:number>/", duties.duty, name="duty"),
    path("duties/<int:number>/done/", duties.duty_done, name="duty_done"),
    path("duties/<int:number>/people/", duties.duty_people, name="duty_people"),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((own, "console"))),
]
urlpatterns += [
    path("", include(f"majung.{room}.console_urls"))
    for room in ("tree", "people", "people.imports", "consent", "channels", "mail", "audience", "campaigns", "webhooks")
    if find_spec(f"majung.{room}.console_urls")
]
