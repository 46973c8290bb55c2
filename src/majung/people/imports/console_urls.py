"""Addresses of the import pages."""

from django.urls import path, re_path

from majung.people.imports import console

app_name = "imports"
urlpatterns = [
    path("imports/", console.imports, name="list"),
    path("imports/<uuid:public_id>/", console.one, name="import"),
    path("imports/<uuid:public_id>/problems.csv", console.problems, name="problems"),
    re_path(r"^imports/(?P<public_id>[0-9a-f-]{36})/(?P<verb>confirm|undo|discard)/$", console.act, name="act"),
]
