"""What a person's page shows of this room: an address from which letters came back, and the press that says it is right."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from majung.mail import services
from majung.people import timeline
from majung.people.models import Person
from majung.tree.enums import Act
from majung.tree.middleware import ActorRequest


def panel(request: ActorRequest, person: Person) -> SafeString:
    """The mark, if there is one."""
    mark = services.returned(person)
    if mark is None:
        return SafeString("")
    shown = {"mark": mark, "person": person, "may_change": Act.PEOPLE_EDIT in request.actor.acts}
    return SafeString(render_to_string("mail/person.html", shown, request))


@require_POST
def clear(request: ActorRequest, number: int) -> HttpResponse:
    """The address is right: it is written to again."""
    if services.clear(request.actor, number):
        messages.success(request, "이 전자우편 주소로 다시 보냅니다.")
    return redirect("people:person", number)


def join() -> None:
    """The person's page knows the room."""
    timeline.add_panel("mail", panel, order=25)
    timeline.tell("mail.cleared", "전자우편 주소를 확인했습니다", "mail", "ok")
