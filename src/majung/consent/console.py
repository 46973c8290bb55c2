"""Pages of notices: list, writing, one notice with its versions and what changed between them, publishing, retiring."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from majung.consent import notices, queries
from majung.consent.enums import ConsentMedium, NoticeState
from majung.consent.errors import CodeTaken
from majung.consent.forms import NoticeForm
from majung.consent.models import Notice
from majung.consent.words import lines
from majung.core.errors import Conflict, Forbidden, Invalid
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.ui.values import Change, Crumb

_COMPARED = {
    "title": "제목",
    "purpose_text": "목적",
    "items_text": "항목",
    "retention_text": "보유기간",
    "refusal_text": "거부할 권리와 불이익",
    "recipients_text": "제공받는 자",
}
TONES = {NoticeState.DRAFT: "warn", NoticeState.PUBLISHED: "ok", NoticeState.RETIRED: ""}


def actor_of(request: HttpRequest) -> Actor:
    """The actor. Raises Forbidden for somebody to whom notices are not lent anywhere."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor is None or Act.CONSENT_MANAGE not in actor.acts:
        raise Forbidden()
    return actor


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every notice by its newest version, with the version people are asked with now."""
    actor = actor_of(request)
    rows: dict[tuple[int, str], dict[str, object]] = {}
    for notice in queries.notices_of(actor):
        row = rows.setdefault(
            (notice.unit_id, notice.code), {"newest": notice, "tone": TONES[NoticeState(notice.state)], "stands": None}
        )
        if notice.state == NoticeState.PUBLISHED:
            row["stands"] = notice
    context = {"rows": list(rows.values()), "crumbs": [Crumb(label="고지문")]}
    return render(request, "consent/notices.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A first version."""
    actor = actor_of(request)
    units = actor.units(Act.CONSENT_MANAGE)
    form = NoticeForm(units, request.POST or None, initial={"unit": getattr(units.first(), "public_id", None)})
    taken: Notice | None = None
    if request.method == "POST" and form.is_valid():
        unit = form.cleaned_data["unit"]
        code = form.cleaned_data["code"] or notices.free_code(unit)
        try:
            notice = notices.write_notice(actor, unit, code, form.words())
        except CodeTaken as refusal:
            form.add_error("code", str(refusal))
            taken = queries.notices_of(actor).filter(unit=unit, code=code).first()
        except (Invalid, Conflict) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "저장했습니다. 읽어 보고 공개해 주세요.")
            return redirect("consent:notice", notice.public_id)
    context = {"form": form, "taken": taken, "crumbs": _crumbs("새 고지문")}
    return render(request, "consent/write.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A draft being changed; a notice that stands sends back to its page."""
    actor = actor_of(request)
    notice = queries.notice_of(actor, public_id)
    if notice.state != NoticeState.DRAFT:
        messages.error(request, "공개한 고지문은 고칠 수 없습니다. 새 판을 만들어 주세요.")
        return redirect("consent:notice", notice.public_id)
    form = NoticeForm(actor.units(Act.CONSENT_MANAGE), request.POST or None, draft=notice)
    if request.method == "POST" and form.is_valid():
        try:
            notices.edit_notice(actor, notice, form.words(notice))
        except (Invalid, Conflict) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "저장했습니다.")
            return redirect("consent:notice", notice.public_id)
    context = {"form": form, "notice": notice, "crumbs": _crumbs(notice.title)}
    return render(request, "consent/write.html", context, status=422 if form.errors else 200)


@login_required
@require_GET
def one(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One version as people see it, with the others and what changed since the one before."""
    actor = actor_of(request)
    notice = queries.notice_of(actor, public_id)
    versions = list(queries.versions(notice))
    before = next((other for other in versions if other.version < notice.version), None)
    context = {
        "notice": notice,
        "tone": TONES[NoticeState(notice.state)],
        "lines": lines(notice),
        "media": [ConsentMedium(medium).label for medium in notice.media],
        "versions": [{"notice": other, "tone": TONES[NoticeState(other.state)]} for other in versions],
        "before": before,
        "changes": changes(before, notice) if before else [],
        "crumbs": _crumbs(notice.title),
    }
    return render(request, "consent/notice.html", context)


@login_required
@require_POST
def publish(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The draft stands from now on."""
    return _act(request, public_id, notices.publish_notice, "공개했습니다. 이제부터 이 글로 동의를 받습니다.")


@login_required
@require_POST
def retire(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Nobody is asked with it any more; a draft is thrown away."""
    actor = actor_of(request)
    notice = queries.notice_of(actor, public_id)
    was_draft = notice.state == NoticeState.DRAFT
    notices.retire_notice(actor, notice)
    messages.success(request, "버렸습니다." if was_draft else "거두었습니다. 이미 받은 동의는 그대로입니다.")
    return redirect("consent:notices") if was_draft else redirect("consent:notice", notice.public_id)


@login_required
@require_POST
def next_version(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A draft of the next version."""
    actor = actor_of(request)
    draft = notices.draft_next(actor, queries.notice_of(actor, public_id))
    return redirect("consent:edit", draft.public_id)


def _act(request: HttpRequest, public_id: UUID, act: Callable[[Actor, Notice], Notice], sentence: str) -> HttpResponse:
    actor = actor_of(request)
    notice = queries.notice_of(actor, public_id)
    act(actor, notice)
    messages.success(request, sentence)
    return redirect("consent:notice", notice.public_id)


def changes(before: Notice, after: Notice) -> list[Change]:
    """What one version says otherwise than the other, item by item."""
    rows = [
        Change(label=label, before=getattr(before, name), after=getattr(after, name))
        for name, label in _COMPARED.items()
    ]
    rows.append(Change(label="매체", before=_media(before), after=_media(after)))
    rows.append(Change(label="필수", before=_yes(before.required), after=_yes(after.required)))
    return [row for row in rows if row.before or row.after]


def _media(notice: Notice) -> str:
    return ", ".join(ConsentMedium(medium).label for medium in notice.media)


def _yes(is_required: bool) -> str:
    return "필수" if is_required else "선택"


def _crumbs(label: str) -> list[Crumb]:
    return [Crumb(label="고지문", url="/notices/"), Crumb(label=label)]
