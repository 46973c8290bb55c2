"""Gives each request its actor, sends visitors to sign in, and tells the database session who acts and for whom."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from majung.accounts.models import User
from majung.core.errors import Forbidden
from majung.tree.actor import Actor, actor_of_user
from majung.ui import refusals

SESSION_ROOT = "root"
# Faces with a sign-in of their own or none: sign-in itself, assets, the API's keys, the portal, first start, invitations.
OPEN = ("/accounts/", "/ui/", "/static/", "/api/", "/p/", "/start/", "/invitation/")

# The choice among one's organisations looks across them, so the database session is told of none.
ACROSS = "/organisations/"


class ActorMiddleware:
    """Sets ``request.actor`` (None for a visitor or somebody to whom nothing is lent) and keeps those from the console."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request as its actor; the database session forgets the actor afterwards, whatever happened."""
        actor = actor_of_request(request)
        request.actor = actor  # type: ignore[attr-defined]  # declared by ActorRequest
        if actor is None or request.path.startswith((*OPEN, ACROSS)):
            return self.get_response(request)
        try:
            # For the session, since the request's transaction has not begun yet; connections outlive requests.
            announce(actor, for_transaction=False)
            return self.get_response(request)
        finally:
            forget()

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Nobody reaches a view of the console without an actor; an address that leads nowhere is 404 for all."""
        actor: Actor | None = request.actor  # type: ignore[attr-defined]
        if actor is not None or request.path == "/" or request.path.startswith(OPEN):
            return None
        if request.user.is_authenticated:
            return redirect("/") if request.method == "GET" else refusals.refuse(request, Forbidden())
        return _to_sign_in(request)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    back = request.get_full_path() if request.method == "GET" and not refusals.is_fragment(request) else "/"
    target = f"{settings.LOGIN_URL}?{urlencode({'next': back})}"
    if refusals.is_fragment(request):
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": target})
    return redirect(target)


class ActorRequest(HttpRequest):
    """A request of somebody signed in to whom something is lent."""

    actor: Actor


def actor_of_request(request: HttpRequest) -> Actor | None:
    """The signed-in user as actor of the organisation chosen in the session (default: the first)."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_active:
        return None
    chosen = request.session.get(SESSION_ROOT)
    return actor_of_user(user, chosen) or (actor_of_user(user) if chosen is not None else None)


def announce(actor: Actor, *, for_transaction: bool = True) -> None:
    """Set the actor and the organisation for the rest of this transaction, or of the session."""
    _tell(str(actor.root_id), f"{actor.kind}/{actor.number or 0}", for_transaction=for_transaction)


def forget() -> None:
    """No actor is set for the session. A connection that cannot say so is closed rather than handed on."""
    if connection.connection is None:
        return
    try:
        _tell("", "", for_transaction=False)
    except Exception:  # noqa: BLE001  whatever broke the connection, nobody else may get it with an actor in it
        connection.close()


def _tell(root: str, actor: str, *, for_transaction: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('majung.root', %s, %s), set_config('majung.actor', %s, %s)",
            [root, for_transaction, actor, for_transaction],
        )
