"""The panel of test messages, which the dealer page and the campaign wizard share: one's own number, and what was tried."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest

from majung.channels import services
from majung.channels.adapters.outcomes import WORDS, Category, Outcome, category
from majung.channels.enums import MessageKind
from majung.channels.models import DealerAccount, TestSend
from majung.channels.services import numbers
from majung.core import clock
from majung.tree.actor import Actor
from majung.tree.models import Unit

SHOWN = 5
LOOKING = timedelta(minutes=2)  # how long a page looks by itself for what became of a test
_TONES = {Category.DELIVERED: "ok", Category.REFUSED: "danger", Category.NOT_A_FRIEND: "warn"}
_SAID = {
    "number": "확인 번호를 문자로 보냈습니다. 받은 여섯 자리를 적어 주세요.",
    "code": "내 번호로 등록했습니다. 이제 시험 발송을 할 수 있습니다.",
    "forget": "번호를 지웠습니다.",
}
ACTS = frozenset(_SAID)


def panel(actor: Actor, account: DealerAccount | None) -> dict[str, Any]:
    """The actor's own number and own last tests through ``account``."""
    found = (
        TestSend.objects.filter(account=account, by=actor.user).select_related("channel").order_by("-at", "-pk")[:SHOWN]
        if account is not None and actor.user is not None
        else ()
    )
    since = clock.now() - LOOKING
    return {
        "own_number": numbers.number_of(actor),
        "trials": [
            {
                "at": one.at, "kind": MessageKind(one.kind).label, "number": one.number_hint,
                "channel": one.channel.name if one.channel else "",
                "word": WORDS[Outcome(one.outcome)] if one.outcome else "보내는 중",
                "tone": _TONES.get(category(one.outcome), "doubt"),
            }
            for one in found
        ],
        "trials_open": any(one.settled_at is None and one.at > since for one in found),
    }  # fmt: skip


def act(request: HttpRequest, actor: Actor, account: DealerAccount, writing_at: Unit | None = None) -> str:
    """Asks, confirms or forgets the actor's number as the form says; the sentence to show. Raises what the services do."""
    what = request.POST["do"]
    if what == "number":
        services.ask_number(actor, account, request.POST.get("number", ""), writing_at=writing_at)
    elif what == "code":
        numbers.confirm(actor, request.POST.get("code", ""))
    else:
        numbers.forget(actor)
    return _SAID[what]
