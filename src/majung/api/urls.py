"""Addresses of the API."""

from django.urls import path

from majung.api import campaigns, people, segments, webhooks
from majung.api.app import api

api.add_router("/people", people.router)
api.add_router("/segments", segments.router)
api.add_router("/campaigns", campaigns.router)
api.add_router("/webhooks", webhooks.router)

urlpatterns = [path("v1/", api.urls)]
