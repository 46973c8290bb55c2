"""Writing, publishing and retiring notices (C1). A published one stands for ever; a change is a new version."""

import re
from dataclasses import asdict, dataclass
from itertools import count

from django.db import IntegrityError, transaction
from django.db.models import Max

from majung.activity import services as activity
from majung.consent.enums import BY_MEDIUM, ConsentMedium, ConsentPurpose, NoticeState
from majung.consent.errors import CodeTaken, NoticeIncomplete, NoticeStands
from majung.consent.models import Notice
from majung.core import clock
from majung.core.errors import Conflict, Invalid, NotYours
from majung.core.text import nfc
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit

LONGEST_TEXT = 2000
ITEM_NAMES = {
    "purpose_text": "목적",
    "items_text": "항목",
    "retention_text": "보유기간",
    "refusal_text": "거부할 권리와 불이익",
}
_CODE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_OPTIONAL_ONLY = {ConsentPurpose.ADVERTISING, ConsentPurpose.NIGHT, ConsentPurpose.PARTY_NOTICE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a notice is to say. ``retention_months`` None: until withdrawn."""

    purpose: ConsentPurpose
    title: str
    media: tuple[ConsentMedium, ...] = ()
    required: bool = False
    purpose_text: str = ""
    items_text: str = ""
    retention_text: str = ""
    retention_months: int | None = None
    refusal_text: str = ""
    recipients_text: str = ""

    def columns(self) -> dict[str, object]:
        """Checked and clean, as columns of the table. Raises Invalid."""
        values = asdict(self)
        for name in ("title", *ITEM_NAMES, "recipients_text"):
            text = "\n".join(nfc(line) for line in str(values[name]).splitlines()).strip()
            if len(text) > (100 if name == "title" else LONGEST_TEXT):
                raise Invalid(problem=f"글이 너무 깁니다. {LONGEST_TEXT}자까지 쓸 수 있습니다.")
            values[name] = text
        if not values["title"]:
            raise Invalid(problem="제목을 적어 주세요.")
        if self.required and self.purpose in _OPTIONAL_ONLY:
            raise Invalid(problem="광고와 선택 소식의 동의는 필수로 할 수 없습니다.")
        if self.retention_months is not None and not 1 <= self.retention_months <= 1200:
            raise Invalid(problem="보유기간은 1개월부터 1,200개월까지 쓸 수 있습니다.")
        if self.purpose in BY_MEDIUM:
            if not self.media or ConsentMedium.EVERY in self.media:
                raise Invalid(problem="받을 매체를 하나 이상 골라 주세요.")
        elif self.media:
            raise Invalid(problem="이 목적의 동의는 매체로 나누지 않습니다.")
        values["media"] = [medium.value for medium in self.media]
        return values


@transaction.atomic
def write_notice(actor: Actor, unit: Unit, code: str, words: Words) -> Notice:
    """A new notice of ``unit``, as a draft. A code names one notice of the unit; raises Invalid or CodeTaken."""
    actor.require(Act.CONSENT_MANAGE, unit)
    if not _CODE.fullmatch(code):
        raise Invalid(problem="부호는 영문 소문자로 시작해 영문 소문자, 숫자, 붙임표로 40자까지 적어 주세요.")
    columns = words.columns()
    try:
        with transaction.atomic():
            if Notice.objects.filter(unit=unit, code=code).exists():
                raise CodeTaken(code=code)
            return Notice.objects.create(
                root_id=actor.root_id,
                entity_id=unit.entity_id,
                unit=unit,
                code=code,
                version=1,
                written_by=actor.user,
                **columns,
            )
    except IntegrityError as error:  # written by somebody else in the same moment
        raise CodeTaken(code=code) from error


def free_code(unit: Unit) -> str:
    """A code that no notice of ``unit`` has yet."""
    taken = set(Notice.objects.filter(unit=unit, code__startswith="notice-").values_list("code", flat=True))
    return next(code for number in count(1) if (code := f"notice-{number}") not in taken)


@transaction.atomic
def edit_notice(actor: Actor, notice: Notice, words: Words) -> Notice:
    """The draft says ``words``. Raises Invalid, Conflict or NoticeStands."""
    _mine(actor, notice)
    columns = words.columns()
    of_code = Notice.objects.select_for_update().filter(unit_id=notice.unit_id, code=notice.code)
    draft = of_code.filter(pk=notice.pk, state=NoticeState.DRAFT).first()
    if draft is None:
        raise NoticeStands()
    if draft.purpose != words.purpose and of_code.exclude(pk=draft.pk).exists():
        raise Conflict(problem="판이 바뀌어도 목적은 바꿀 수 없습니다. 새 고지문을 만들어 주세요.")
    for name, value in columns.items():
        setattr(draft, name, value)
    draft.save(update_fields=list(columns))
    return draft


@transaction.atomic
def draft_next(actor: Actor, notice: Notice) -> Notice:
    """A draft of the next version, saying what ``notice`` says; the one that is open already, if there is one."""
    _mine(actor, notice)
    of_code = Notice.objects.select_for_update().filter(unit_id=notice.unit_id, code=notice.code)
    open_draft = of_code.filter(state=NoticeState.DRAFT).first()
    if open_draft is not None:
        return open_draft
    last = of_code.aggregate(last=Max("version"))["last"] or 0
    return Notice.objects.create(
        root_id=notice.root_id,
        entity_id=notice.entity_id,
        unit_id=notice.unit_id,
        code=notice.code,
        version=last + 1,
        written_by=actor.user,
        purpose=notice.purpose,
        media=notice.media,
        required=notice.required,
        title=notice.title,
        purpose_text=notice.purpose_text,
        items_text=notice.items_text,
        retention_text=notice.retention_text,
        retention_months=notice.retention_months,
        refusal_text=notice.refusal_text,
        recipients_text=notice.recipients_text,
    )


@transaction.atomic
def publish_notice(actor: Actor, notice: Notice) -> Notice:
    """``notice`` stands from now on, and the version before it is retired. Raises NoticeIncomplete or NoticeStands."""
    _mine(actor, notice)
    locked = Notice.objects.select_for_update().get(pk=notice.pk)
    if locked.state != NoticeState.DRAFT:
        raise NoticeStands()
    missing = [name for column, name in ITEM_NAMES.items() if not getattr(locked, column).strip()]
    if locked.purpose == ConsentPurpose.PROVISION and not locked.recipients_text.strip():
        missing.append("제공받는 자")
    if missing:
        raise NoticeIncomplete(missing)
    now = clock.now()
    Notice.objects.filter(unit_id=locked.unit_id, code=locked.code, state=NoticeState.PUBLISHED).update(
        state=NoticeState.RETIRED, retired_at=now
    )
    locked.state, locked.published_at, locked.text_hash = NoticeState.PUBLISHED, now, locked.digest()
    locked.save(update_fields=["state", "published_at", "text_hash"])
    activity.write(
        actor,
        "consent.notice_published",
        unit_id=locked.unit_id,
        object_kind="notice",
        object_id=locked.pk,
        facts={"code": locked.code, "version": locked.version, "text": locked.text_hash},
    )
    return locked


@transaction.atomic
def retire_notice(actor: Actor, notice: Notice) -> Notice:
    """Nobody is asked with ``notice`` any more; consents given on it stand. A draft is thrown away instead."""
    _mine(actor, notice)
    locked = Notice.objects.select_for_update().get(pk=notice.pk)
    if locked.state == NoticeState.DRAFT:
        locked.delete()
        return notice
    if locked.state == NoticeState.PUBLISHED:
        locked.state, locked.retired_at = NoticeState.RETIRED, clock.now()
        locked.save(update_fields=["state", "retired_at"])
        activity.write(
            actor, "consent.notice_retired", unit_id=locked.unit_id, object_kind="notice", object_id=locked.pk
        )
    return locked


def _mine(actor: Actor, notice: Notice) -> None:
    if notice.root_id != actor.root_id:
        raise NotYours()
    actor.require(Act.CONSENT_MANAGE, notice.unit)
