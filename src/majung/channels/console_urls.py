"""Addresses of the channel and dealer pages."""

from django.urls import path

from majung.channels import console, console_dealers

app_name = "channels"
urlpatterns = [
    path("channels/", console.board, name="list"),
    path("channels/new/", console.new, name="new"),
    path("channels/apps/", console.apps, name="apps"),
    path("channels/apps/<uuid:public_id>/", console.app, name="app"),
    path("channels/pictures/<uuid:public_id>.jpg", console.picture, name="picture"),
    path("channels/<uuid:public_id>/", console.channel, name="channel"),
    path("channels/<uuid:public_id>/edit/", console.edit, name="edit"),
    path("channels/<uuid:public_id>/steps/<slug:step>/", console.step, name="step"),
    path("dealers/", console_dealers.dealers, name="dealers"),
    path("dealers/new/", console_dealers.new, name="dealer_new"),
    path("dealers/<uuid:public_id>/", console_dealers.dealer, name="dealer"),
    path("dealers/<uuid:public_id>/edit/", console_dealers.edit, name="dealer_edit"),
    path("dealers/<uuid:public_id>/close/", console_dealers.close, name="dealer_close"),
    path("dealers/<uuid:public_id>/ask/<slug:kind>/", console_dealers.ask, name="dealer_ask"),
    path("dealers/<uuid:public_id>/jobs/", console_dealers.jobs, name="dealer_jobs"),
    path("dealers/<uuid:public_id>/profiles/", console_dealers.profiles, name="dealer_profiles"),
    path("dealers/<uuid:public_id>/prices/", console_dealers.prices, name="dealer_prices"),
    path("dealers/<uuid:public_id>/templates/", console_dealers.templates, name="dealer_templates"),
    path("dealers/<uuid:public_id>/pictures/", console_dealers.pictures, name="dealer_pictures"),
    path("dealers/<uuid:public_id>/trial/", console_dealers.trial, name="dealer_trial"),
]
