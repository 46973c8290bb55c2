"""Gives each request of the console its actor, and tells the database session who acts and in which organisation."""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse

from majung.accounts.models import User
from majung.tree.actor import Actor, actor_of_user

SESSION_ROOT = "root"


class ActorMiddleware:
    """Sets ``request.actor`` (None for a visitor or somebody to whom nothing is lent)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request as its actor."""
        request.actor = actor_of_request(request)  # type: ignore[attr-defined]  # declared by ActorRequest
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """Inside the request's transaction: the second line of defence in the database knows the actor too."""
        actor: Actor | None = request.actor  # type: ignore[attr-defined]
        if actor is not None:
            announce(actor)


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


def announce(actor: Actor) -> None:
    """Set the actor and the organisation for the rest of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('majung.root', %s, true), set_config('majung.actor', %s, true)",
            [str(actor.root_id), f"{actor.kind}/{actor.number or 0}"],
        )
