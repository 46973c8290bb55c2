"""Addresses of outgoing webhooks in the console."""

from django.urls import path

from majung.webhooks import console

app_name = "webhooks"

urlpatterns = [
    path("webhooks/", console.endpoints, name="endpoints"),
    path("webhooks/<uuid:public_id>/", console.endpoint, name="endpoint"),
    path("webhooks/<uuid:public_id>/edit/", console.edit, name="edit"),
    path("webhooks/<uuid:public_id>/secret/", console.secret, name="secret"),
    path("webhooks/<uuid:public_id>/do/<str:what>/", console.act, name="act"),
    path("webhooks/<uuid:public_id>/again/<uuid:delivery>/", console.again, name="again"),
]
