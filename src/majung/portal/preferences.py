"""One's own settings behind a signed link: what comes from whom, stopping it with one tap, consents and their texts (C6).

The link is the key (``consent.links``): whoever holds it may stop messages and see what was agreed to, and the page
shows neither name nor number. No cookie, no session, no script is needed. A GET or HEAD never changes anything, because
messengers fetch links to preview them. The POST is exempt from the CSRF cookie: nothing but the address authorises it,
and who can forge the address needs no forged request.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from majung.activity.services import write
from majung.campaigns.models import Campaign
from majung.consent import links, queries, services
from majung.consent.enums import ConsentMedium, ConsentPurpose, How, RefusalPath
from majung.consent.links import Link
from majung.consent.models import ConsentState, Notice
from majung.consent.words import lines
from majung.core import clock, db, sql
from majung.core.errors import Invalid, NotYours
from majung.people.enums import PersonState
from majung.people.models import Person
from majung.portal.joining import Oneself
from majung.tree.models import LegalEntity, Organisation
from majung.ui.values import ConsentLine

Word = TypeVar("Word", ConsentMedium, ConsentPurpose)

SHOWN: Final = {
    ConsentMedium.KAKAO_AD: ("카카오톡 채널 메시지", "message-circle"),
    ConsentMedium.KAKAO_ALIM: ("알림톡", "bell"),
    ConsentMedium.SMS: ("문자", "message-2"),
    ConsentMedium.EMAIL: ("전자우편", "mail"),
}
ONE_CLICK: Final = ("List-Unsubscribe", "One-Click")
"""The field that a mail program posts by itself when its own button is pressed (RFC 8058 §3.1)."""
DONE: Final = {
    "refused": "끊었습니다. 지금부터 보내지 않습니다.",
    "all": "모든 소식을 끊었습니다. 지금부터 아무것도 보내지 않습니다.",
    "cleared": "다시 받기로 했습니다.",
    "withdrawn": "동의를 철회했습니다. 지금부터 그 동의로는 보내지 않습니다.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """The person whose link was opened."""

    link: Link
    person: Person
    entities: dict[int, str]

    @property
    def oneself(self) -> Oneself:
        """As actor."""
        return Oneself(root_id=self.link.root, number=self.link.person)


def visitor(token: str) -> Visitor:
    """Whose link it is. Raises NotYours alike for a forged token, a person who is gone and one who never was."""
    link = links.read(token)
    person = link and Person.objects.filter(root_id=link.root, pk=link.person).exclude(state=PersonState.ERASED).first()
    if not link or not person:
        raise NotYours()
    rows = db.raw().execute(sql.load("majung.portal", "visitor", "entities"), {"root": link.root, "person": person.pk})
    return Visitor(link=link, person=person, entities=dict(rows.fetchall()))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """The page, and the one tap that changes something on it."""
    who = visitor(token)
    if request.method == "POST" and request.POST.get(ONE_CLICK[0]) == ONE_CLICK[1]:
        one_click(who)
        # A mail program wants no page and follows no redirect.
        response: HttpResponse = HttpResponse("전자우편을 끊었습니다.\n", content_type="text/plain; charset=utf-8")
    elif request.method == "POST":
        done = change(who, request)
        response = HttpResponseRedirect(f"{reverse('portal:preferences', args=[token])}?done={done}")
        response.status_code = HTTPStatus.SEE_OTHER
    else:
        response = render(request, "portal/preferences.html", page(who, request.GET.get("done", "")))
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "no-store"
    return response


def one_click(who: Visitor) -> None:
    """No more e-mail from the entity whose letter it was; from all that write to the person, when that is not known."""
    letter = Campaign.objects.filter(root_id=who.link.root, pk=who.link.campaign).values_list(
        "unit__entity_id", flat=True
    )
    proof = {"screen": "portal.one_click", "campaign": who.link.campaign}
    news = [
        services.refuse(
            who.link.root, [who.person.pk], entity, (ConsentMedium.EMAIL,), RefusalPath.LINK, actor=who.oneself, proof=proof
        )
        for entity in (list(letter) or who.entities)
    ]  # fmt: skip
    if any(news):
        _count(who)


def change(who: Visitor, request: HttpRequest) -> str:
    """Does what the tapped button says; doing it twice is doing it once. Returns the word for the page. Raises Invalid."""
    act = request.POST.get("act", "")
    root, people = who.link.root, [who.person.pk]
    proof = {"screen": "portal.preferences", "campaign": who.link.campaign}
    if act == "refuse_all":
        if services.refuse_everything(root, people, RefusalPath.LINK, actor=who.oneself, proof=proof):
            _count(who)
        return "all"
    if act == "clear_all":
        for entity_id in LegalEntity.objects.filter(root_id=root).values_list("pk", flat=True):
            services.clear_refusal(root, people, entity_id, (ConsentMedium.EVERY,), RefusalPath.LINK, actor=who.oneself)
        return "cleared"
    entity_id = _entity(who, request.POST.get("entity", ""))
    medium = _choice(ConsentMedium, request.POST.get("medium", ""))
    if act == "refuse":
        if services.refuse(root, people, entity_id, (medium,), RefusalPath.LINK, actor=who.oneself, proof=proof):
            _count(who)
        return "refused"
    if act == "clear":
        services.clear_refusal(root, people, entity_id, (medium,), RefusalPath.LINK, actor=who.oneself)
        return "cleared"
    if act == "withdraw":
        purpose = _choice(ConsentPurpose, request.POST.get("purpose", ""))
        services.withdraw(who.oneself, people, entity_id, purpose, (medium,), How.LINK, proof)
        return "withdrawn"
    raise Invalid(problem="무엇을 바꿀지 알 수 없습니다. 화면을 새로 열고 다시 눌러 주세요.")


def _entity(who: Visitor, text: str) -> int:
    known = {str(entity): entity for entity in who.entities}
    if text not in known:
        raise Invalid(problem="어느 곳의 소식인지 알 수 없습니다. 화면을 새로 열고 다시 눌러 주세요.")
    return known[text]


def _choice(words: type[Word], text: str) -> Word:
    try:
        return words(text)
    except ValueError:
        raise Invalid(problem="무엇을 바꿀지 알 수 없습니다. 화면을 새로 열고 다시 눌러 주세요.") from None


def _count(who: Visitor) -> None:
    """The campaign's report counts who refused by its link."""
    if who.link.campaign:
        write(
            who.oneself,
            "portal.refused_by_link",
            person_id=who.person.pk,
            object_kind="campaign",
            object_id=who.link.campaign,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One consent on the page, with the text it was given on."""

    state: ConsentState
    entity: str
    notice: Notice | None
    lines: list[ConsentLine]


def page(who: Visitor, done: str) -> dict[str, Any]:
    """What the page shows."""
    refused = queries.refusals(who.link.root, who.person.pk)
    every = ConsentMedium.EVERY.value
    senders = [
        {
            "id": entity_id,
            "name": name,
            "is_off": (entity_id, every) in refused,
            "media": [
                {"value": medium.value, "word": word, "icon": icon, "is_off": (entity_id, medium.value) in refused}
                for medium, (word, icon) in SHOWN.items()
            ],
        }
        for entity_id, name in who.entities.items()
    ]
    agreed = [
        Shown(state=one.state, entity=one.entity.name, notice=one.notice, lines=lines(one.notice) if one.notice else [])
        for one in queries.agreements(who.link.root, who.person.pk)
    ]
    organisation = Organisation.objects.get(pk=who.link.root)
    return {
        "org_name": organisation.name,
        "org_line": " · ".join(who.entities.values()),
        "senders": senders,
        "all_off": bool(senders) and all(sender["is_off"] for sender in senders),
        "agreed": [one for one in agreed if one.state.is_in_force],
        "past": [one for one in agreed if not one.state.is_in_force and one.state.granted_on],
        "done": DONE.get(done, ""),
        "undo": done == "all",
        "today": clock.today(),
    }
