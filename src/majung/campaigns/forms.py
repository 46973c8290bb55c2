"""What a sent wizard form says: words of a message, the hour. Reading only; services judge it."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import QueryDict

from majung.campaigns import fallback, message
from majung.campaigns.enums import Kind
from majung.campaigns.errors import CannotWrite
from majung.campaigns.models import Campaign
from majung.campaigns.services.writing import DECLARABLE, Texting, Wording
from majung.channels.adapters.outcomes import WORDS
from majung.core.clock import SEOUL
from majung.delivery.render import FALLBACKS
from majung.policy.enums import BUILT, PURPOSE_NAMES, Purpose

RECALLS = ((0, "바로"), (15, "15초"), (60, "1분"), (300, "5분"), (600, "10분"))
KIND_HINTS: Mapping[str, str] = {
    Kind.BRAND: "채널 친구에게 · 그림과 버튼",
    Kind.ALIM: "승인된 템플릿 · 정보만",
    Kind.SMS: "90바이트까지",
    Kind.LMS: "2,000바이트까지 · 제목",
    Kind.EMAIL: "제목과 글 · 메일 서버로",
    Kind.HAND: "파트너센터에서 사람이 보냅니다",
}


def wording(sent: QueryDict) -> Wording:
    """The words of a sent form."""
    buttons = [
        {"type": sent.get(f"button_{i}_type", "WL"), "name": sent.get(f"button_{i}_name", ""),
         "link": sent.get(f"button_{i}_link", "")}
        for i in range(message.MAX_BUTTONS)
        if sent.get(f"button_{i}_name") or sent.get(f"button_{i}_link") or sent.get(f"button_{i}_type") == "AC"
    ]  # fmt: skip
    return Wording(
        title=sent.get("title", ""),
        kind=sent.get("kind", Kind.BRAND),
        purpose=sent.get("purpose", ""),
        text=sent.get("text", ""),
        subject=sent.get("subject", ""),
        buttons=buttons,
        fallbacks={name: sent.get(f"fallback_{name}", "") for name in message.MEANINGS},
        account=sent.get("account", ""),
        template=sent.get("template", ""),
        picture=sent.get("picture", ""),
        friend_group=sent.get("friend_group", ""),
        is_essential=bool(sent.get("is_essential")),
        declared={"cleared": sent.getlist("cleared"), "goods_class": sent.get("goods_class", "")}
        | {name: bool(sent.get(name)) for name in DECLARABLE},
    )


def texting(sent: QueryDict) -> Texting:
    """The text instead, of a sent form; the switch in front of it says whether there is one."""
    if not sent.get("falls_back"):
        return Texting()
    return Texting(
        text=sent.get("fallback_text", ""),
        subject=sent.get("fallback_subject", ""),
        sender=sent.get("fallback_sender", ""),
        reasons=sent.getlist("fallback_reasons"),
    )


def typed_text(sent: QueryDict | None, campaign: Campaign) -> dict[str, Any]:
    """What stands in the inputs of the text instead: what was sent, else what is kept; at first, every reason there is."""
    if sent is not None:
        kept, is_on = texting(sent), bool(sent.get("falls_back"))
    else:
        is_on = bool(campaign.fallback_text)
        kept = Texting(
            text=campaign.fallback_text, subject=campaign.fallback_subject, sender=campaign.fallback_sender,
            reasons=campaign.fallback_reasons,
        )  # fmt: skip
    offered = fallback.offered(campaign.kind, campaign.purpose)
    return {
        "is_on": is_on, "text": kept.text, "subject": kept.subject, "sender": kept.sender,
        "reasons": [
            {"code": reason.name, "label": WORDS[reason], "checked": reason.name in kept.reasons or not is_on}
            for reason in offered
        ],
    }  # fmt: skip


def typed(sent: QueryDict | None, campaign: Campaign) -> dict[str, Any]:
    """What stands in the inputs: what was sent, else what is kept."""
    words = wording(sent) if sent is not None else None
    kept: Any = words or campaign
    buttons = list(kept.buttons)
    if words is not None:
        account, template, picture = words.account, words.template, words.picture
    else:
        account = str(campaign.account.public_id) if campaign.account else ""
        template = str(campaign.template_id or "")
        picture = str(campaign.picture.public_id) if campaign.picture else ""
    return {
        "title": kept.title, "kind": kept.kind, "purpose": kept.purpose, "text": kept.text, "subject": kept.subject,
        "account": account, "template": template, "picture": picture, "friend_group": kept.friend_group,
        "is_essential": kept.is_essential, "declared": kept.declared,
        "buttons": [
            {"at": i, **(buttons[i] if i < len(buttons) else {"type": "WL", "name": "", "link": ""})}
            for i in range(message.MAX_BUTTONS)
        ],
        "fallbacks": [
            {"name": name, "value": kept.fallbacks.get(name, ""), "default": FALLBACKS.get(name, "")}
            for name in FALLBACKS
        ],
    }  # fmt: skip


def purposes() -> list[dict[str, Any]]:
    """Every purpose, and whether its rules are built: the others can be picked, and are refused with the reason."""
    return [{"code": str(p), "label": PURPOSE_NAMES[p], "built": p in BUILT} for p in Purpose]


def kinds() -> list[dict[str, str]]:
    """Every kind of message with a hint."""
    return [{"code": code, "label": label, "hint": KIND_HINTS[code]} for code, label in Kind.choices]


def hour(sent: QueryDict) -> tuple[datetime | None, int]:
    """When it leaves (None: at once) and how long it can be called back. Raises CannotWrite."""
    recall = sent.get("recall", "15")
    if not re.fullmatch(r"\d{1,4}", recall, re.ASCII):
        raise CannotWrite(problem="회수 시간을 골라 주세요.")
    if sent.get("when", "now") != "at":
        return None, int(recall)
    try:
        at = datetime.fromisoformat(f"{sent.get('on', '')}T{sent.get('at', '')}")
    except ValueError:
        raise CannotWrite(problem="보낼 날과 시각을 적어 주세요.") from None
    return at.replace(tzinfo=SEOUL), int(recall)
