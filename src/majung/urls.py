"""Every address of the web process, one line a face."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("ui/", include("majung.ui.urls")),
    path("api/", include("majung.api.urls")),
    path("p/", include("majung.portal.urls")),
    path("", include("majung.console.urls")),
]
handler400 = "majung.ui.views.bad_request"
handler403 = "majung.ui.views.forbidden"
handler404 = "majung.ui.views.not_found"
handler500 = "majung.ui.views.server_error"
