"""Addresses of the ui room."""

from django.urls import path

from majung.ui import views

app_name = "ui"
urlpatterns = [
    path("csp-report", views.csp_report, name="csp_report"),
    path("samples", views.samples, name="samples"),
    path("samples/<slug:page>", views.samples, name="samples_page"),
]
