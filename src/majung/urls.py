"""Every address of the web process, one line a face."""

from django.urls import include, path, re_path

from majung.accounts.pages import no_page

urlpatterns = [
    # An address is the login and changes by invitation alone: allauth's pages about addresses are none of ours.
    path("accounts/email/", no_page, name="account_email"),
    path("accounts/confirm-email/", no_page, name="account_email_verification_sent"),
    re_path(r"^accounts/confirm-email/(?P<key>[-:\w]+)/$", no_page, name="account_confirm_email"),
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
