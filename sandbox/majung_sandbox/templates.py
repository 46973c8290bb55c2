"""AlimTalk and brand templates: their review, which takes simulated time, and exact matching (kakao.md §3.2, §4.1)."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from majung_sandbox import codes
from majung_sandbox.clock import Clock, iso
from majung_sandbox.errors import GatewayError, invalid, not_found
from majung_sandbox.kinds import Unfit

REVIEW_SECONDS = 2 * 24 * 3600.0
REJECT_WORD = "[반려]"

_VARIABLE = re.compile(r"#\{([^{}]+)\}")


@dataclass(slots=True)
class Template:
    """One template of one account. `fields` is what the owner wrote; the rest is the gateway's."""

    template_id: str
    account_key: str
    fields: dict[str, Any]
    status: str = "PENDING"
    asked_at: datetime | None = None
    made_at: datetime | None = None
    updated_at: datetime | None = None
    comments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def content(self) -> str:
        """The text with its variables."""
        return str(self.fields.get("content", ""))

    def variables(self) -> list[str]:
        """Names in `#{}` in order of first use."""
        return list(dict.fromkeys(_VARIABLE.findall(self.content)))

    def fill(self, given: Any) -> str | None:
        """The text with values in place, or None if one is missing. Names may come with or without `#{}`."""
        values = (
            {str(k).removeprefix("#{").removesuffix("}"): v for k, v in given.items()} if type(given) is dict else {}
        )
        if any(type(values.get(name)) is not str for name in self.variables()):
            return None
        return _VARIABLE.sub(lambda found: str(values[found[1]]), self.content)

    def matches(self, text: str) -> bool:
        """Whether a finished text can be this template with some values."""
        head, *middle = _VARIABLE.split(self.content)[::2]
        if not middle:
            return text == head
        tail = middle.pop()
        at, end = len(head), len(text) - len(tail)
        if at > end or not text.startswith(head) or not text.endswith(tail):
            return False
        for part in middle:  # the leftmost place is always as good as any later one
            found = text.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


class Templates:
    """All templates; a review asked for is decided by reading the clock, so no timer is needed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.review_seconds = REVIEW_SECONDS
        self.by_id: dict[str, Template] = {}

    def put(self, template: Template) -> None:
        """Add or replace."""
        template.made_at = template.made_at or self._clock.now()
        template.updated_at = self._clock.now()
        self.by_id[template.template_id] = template

    def create(self, account_key: str, template_id: str, fields: Any) -> Template:
        """A new template in state PENDING."""
        template = Template(template_id, account_key, _checked(fields))
        self.put(template)
        return template

    def get(self, account_key: str, template_id: str) -> Template:
        """The account's template, its review brought up to date."""
        template = self.by_id.get(template_id)
        if template is None or template.account_key != account_key:
            raise not_found("템플릿을 찾을 수 없습니다.")
        self._review(template)
        return template

    def of(self, account_key: str) -> list[Template]:
        """All of the account's templates."""
        mine = [t for t in self.by_id.values() if t.account_key == account_key]
        for template in mine:
            self._review(template)
        return mine

    def change(self, template: Template, fields: Any) -> None:
        """Edit; only before a review or after one (kakao.md §3.2)."""
        if template.status == "INSPECTING":
            raise GatewayError(400, "InvalidStatus", "검수 중인 템플릿은 고칠 수 없습니다.")
        template.fields = {
            **template.fields,
            **_checked({**template.fields, **fields} if type(fields) is dict else fields),
        }
        template.status, template.asked_at = "PENDING", None
        template.updated_at = self._clock.now()

    def ask(self, template: Template) -> None:
        """Ask for a review."""
        if template.status not in ("PENDING", "REJECTED"):
            raise GatewayError(400, "InvalidStatus", "검수를 요청할 수 없는 상태입니다.")
        template.status, template.asked_at = "INSPECTING", self._clock.now()
        template.updated_at = template.asked_at

    def cancel(self, template: Template) -> None:
        """Take the request for a review back."""
        if template.status != "INSPECTING":
            raise GatewayError(400, "InvalidStatus", "검수 중인 템플릿이 아닙니다.")
        template.status, template.asked_at = "PENDING", None

    def decide(self, template: Template, approved: bool, comment: str, at: datetime) -> None:
        """End a review."""
        template.status, template.asked_at, template.updated_at = ("APPROVED" if approved else "REJECTED"), None, at
        if comment:
            template.comments.append(
                {"isAdmin": True, "memberId": "inspector", "content": comment, "dateCreated": iso(at)}
            )

    def _review(self, template: Template) -> None:
        if template.status != "INSPECTING" or template.asked_at is None:
            return
        due = template.asked_at + timedelta(seconds=self.review_seconds)
        if self._clock.now() >= due:
            bad = REJECT_WORD in template.content or REJECT_WORD in str(template.fields.get("name"))
            self.decide(template, not bad, "알림톡은 정보성 내용만 보낼 수 있습니다." if bad else "", due)

    def check_message(self, account_key: str, message: dict[str, Any], options: dict[str, Any]) -> tuple[int, str]:
        """For a message by template: (0 or the code it will end with, its final text)."""
        template = self.by_id.get(str(options.get("templateId") or ""))
        if template is None or template.account_key != account_key:
            return codes.NO_TEMPLATE, ""
        self._review(template)
        if template.status != "APPROVED":
            return codes.NO_TEMPLATE, ""
        owner = template.fields.get("channelId")
        if owner and owner != options.get("pfId"):
            return codes.NO_TEMPLATE, ""
        text = message.get("text")
        if text is None:
            text = template.fill(options.get("variables"))
        if type(text) is not str or not template.matches(text):
            return codes.TEMPLATE_MISMATCH, ""
        if len(text) > 1300:
            raise Unfit(codes.TOO_LONG, "알림톡 본문은 1,300자까지입니다.")
        given = options.get("buttons")
        if given is not None and _names(given) != _names(template.fields.get("buttons") or []):
            return codes.TEMPLATE_MISMATCH, text
        return 0, text

    def wire(self, template: Template) -> dict[str, Any]:
        """As the API prints it."""
        kept = {"messageType": "BA", "emphasizeType": "NONE", "securityFlag": False, "assignType": "CHANNEL"}
        return {
            **kept, **template.fields, "templateId": template.template_id, "status": template.status,
            "comments": template.comments, "variables": [{"name": f"#{{{name}}}"} for name in template.variables()],
            "dateCreated": iso(template.made_at or self._clock.now()),
            "dateUpdated": iso(template.updated_at or self._clock.now()),
        }  # fmt: skip

    def dump(self) -> list[Any]:
        """All templates as plain values."""
        return [
            [
                t.template_id,
                t.account_key,
                t.fields,
                t.status,
                *(x.timestamp() if x else None for x in times),
                t.comments,
            ]
            for t in self.by_id.values()
            for times in [(t.asked_at, t.made_at, t.updated_at)]
        ]

    def load(self, saved: list[Any]) -> None:
        """Take over what `dump` wrote."""
        for template_id, key, fields, status, asked, made, updated, comments in saved:
            at = [datetime.fromtimestamp(x, UTC) if x else None for x in (asked, made, updated)]
            self.by_id[template_id] = Template(template_id, key, fields, status, at[0], at[1], at[2], comments)


def _names(buttons: Any) -> list[Any] | None:
    if type(buttons) is not list or not all(type(b) is dict for b in buttons):
        return None
    return [(b.get("buttonName", b.get("name")), b.get("buttonType", b.get("linkType"))) for b in buttons]


def _checked(fields: Any) -> dict[str, Any]:
    if type(fields) is not dict:
        raise invalid("템플릿은 JSON 객체여야 합니다.")
    if type(fields.get("name")) is not str or type(fields.get("content")) is not str:
        raise invalid("name과 content가 필요합니다.")
    if not 0 < len(fields["content"]) <= 1300 or len(_VARIABLE.findall(fields["content"])) > 40:
        raise invalid("content는 1,300자, 변수는 40개까지입니다.")
    if type(fields.get("buttons", [])) is not list or len(fields.get("buttons", [])) > 5:
        raise invalid("버튼은 5개까지입니다.")
    return {k: v for k, v in fields.items() if k not in ("templateId", "status", "comments")}
