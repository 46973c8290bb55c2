"""Addresses of the people pages."""

from django.urls import path

from majung.people import console

app_name = "people"
urlpatterns = [
    path("people/", console.people, name="list"),
    path("people/find/", console.find, name="find"),
    path("people/<int:number>/", console.person, name="person"),
    path("people/<int:number>/reveal/", console.reveal, name="reveal"),
    path("people/<int:number>/close/", console.close, name="close"),
    path("people/<int:number>/home/", console.home, name="home"),
    path("people/<int:number>/tags/", console.put_tag, name="put_tag"),
    path("people/<int:number>/tags/take/", console.take_tag, name="take_tag"),
    path("people/<int:number>/processing/", console.processing, name="processing"),
    path("people/<int:number>/erase/", console.erase, name="erase"),
    path("access-log/", console.access_log, name="access_log"),
]
