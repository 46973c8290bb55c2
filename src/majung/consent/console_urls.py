"""Addresses of the pages of notices."""

from django.urls import path

from majung.consent import console

app_name = "consent"
urlpatterns = [
    path("notices/", console.index, name="notices"),
    path("notices/new/", console.new, name="new"),
    path("notices/<uuid:public_id>/", console.one, name="notice"),
    path("notices/<uuid:public_id>/edit/", console.edit, name="edit"),
    path("notices/<uuid:public_id>/publish/", console.publish, name="publish"),
    path("notices/<uuid:public_id>/retire/", console.retire, name="retire"),
    path("notices/<uuid:public_id>/next/", console.next_version, name="next"),
]
