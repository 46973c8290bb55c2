"""Addresses of saved segments."""

from django.urls import path

from majung.audience import console

app_name = "audience"

urlpatterns = [
    path("segments/", console.segments, name="segments"),
    path("segments/new/", console.new, name="new"),
    path("segments/<uuid:public_id>/", console.edit, name="segment"),
    path("segments/<uuid:public_id>/copy/", console.copy, name="copy"),
    path("segments/<uuid:public_id>/delete/", console.delete, name="delete"),
    path("segments/<uuid:public_id>/restore/", console.restore, name="restore"),
]
