"""Ways in: the first start, a one-time invitation, and the choice among several organisations."""

import hmac
from http import HTTPStatus
from ipaddress import ip_address

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from majung.accounts.models import User
from majung.core import env
from majung.core.errors import Invalid, NotYours
from majung.tree import services
from majung.tree.errors import InvitationGone
from majung.tree.forms import CredentialsForm, StartForm
from majung.tree.middleware import SESSION_ROOT
from majung.tree.models import Grant, Organisation

SETUP_TOKEN = env.secret(
    "MAJUNG_SETUP_TOKEN", "Opens the first start (/start/?token=…) from other machines than this one."
)
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def may_start(request: HttpRequest) -> bool:
    """Whether the first start is open: nobody exists yet, and it is this machine or somebody with the set-up token.

    A proxy in front makes every address loopback, so that a forwarded request always needs the token.
    """
    if User.objects.exists():
        return False
    given = request.GET.get("token", "") or request.POST.get("token", "")
    if SETUP_TOKEN and hmac.compare_digest(given.encode(), SETUP_TOKEN.encode()):
        return True
    forwarded = {"HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_FORWARDED_PROTO", "HTTP_VIA"} & request.META.keys()
    try:
        return not forwarded and ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """The first organisation, its legal entity and its owner; not there any more once somebody exists (O7)."""
    if not may_start(request):
        raise NotYours()
    form = StartForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            made = services.found(
                typed["organisation"], typed["kind"], typed["entity"], typed["email"], typed["password"]
            )
        except Invalid as refusal:
            form.add_error(None, str(refusal))
        else:
            login(request, made.owner, backend=BACKEND)
            return redirect("tree:tree")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    context = {"form": form, "token": request.GET.get("token", "") or request.POST.get("token", "")}
    return render(request, "tree/start.html", context, status=status)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What a link offers, and taking it: as oneself when signed in, else with a new address and password."""
    try:
        grants = services.invited(token)
    except InvitationGone as gone:
        return render(request, "tree/gone.html", {"sentence": str(gone)}, status=HTTPStatus.NOT_FOUND)
    user = request.user if isinstance(request.user, User) else None
    form = None if user else CredentialsForm(request.POST or None)
    if request.method == "POST":
        try:
            if user is not None:
                services.accept_as(user, token)
            elif form is not None and form.is_valid():
                user = services.accept(token, form.cleaned_data["email"], form.cleaned_data["password"])
                login(request, user, backend=BACKEND)
        except Invalid as refusal:
            if form is not None:
                form.add_error(None, str(refusal))
        else:
            if user is not None:
                request.session[SESSION_ROOT] = grants[0].root_id
                return redirect("tree:tree")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form is not None and form.errors else HTTPStatus.OK
    return render(
        request, "tree/invitation.html", {"form": form, "grants": grants, "by": grants[0].lent_by}, status=status
    )


@require_http_methods(["GET", "POST"])
def organisations(request: HttpRequest) -> HttpResponse:
    """The organisations in which the user holds something; choosing one turns the whole console to it."""
    held = Grant.objects.filter(user=request.user.pk, revoked_at=None).values("root")
    mine = Organisation.objects.filter(pk__in=held).order_by("name")
    if request.method == "POST":
        chosen = next((o for o in mine if str(o.public_id) == request.POST.get("organisation")), None)
        if chosen is None:
            raise NotYours()
        request.session[SESSION_ROOT] = chosen.pk
        return redirect("/")
    return render(request, "tree/organisations.html", {"organisations": mine})
