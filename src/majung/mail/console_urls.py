"""Addresses of this room's presses."""

from django.urls import path

from majung.mail import console

app_name = "mail"

urlpatterns = [path("people/<int:number>/mail/clear/", console.clear, name="clear")]
