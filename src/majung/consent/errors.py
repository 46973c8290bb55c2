"""Refusals of this room."""

from majung.core.errors import Conflict, Invalid, Unlawful


class NoticeIncomplete(Unlawful):
    """A notice without its four items cannot be published (PIP-02)."""

    code = "consent.notice_incomplete"
    ARTICLE = "개인정보 보호법 제15조 제2항"

    def __init__(self, missing: list[str]) -> None:
        problem = f"공개하지 않았습니다. 비어 있는 곳: {', '.join(missing)}. 모두 알려야 동의를 받을 수 있습니다."
        super().__init__(problem=problem, article=self.ARTICLE)


class NoticeStands(Conflict):
    """A published notice never changes; a new version does."""

    code = "consent.notice_stands"

    def __init__(self) -> None:
        super().__init__(problem="공개한 고지문은 고칠 수 없습니다. 새 판을 만들어 주세요.")


class CodeTaken(Conflict):
    """The unit has a notice of that code already; it is left as it is."""

    code = "consent.code_taken"

    def __init__(self, *, code: str) -> None:
        super().__init__(
            problem=f"이 조직에 부호가 {code}인 고지문이 이미 있습니다. "
            "그 고지문을 열어 고치거나, 다른 부호를 적어 주세요."
        )


class NoticeNotPublished(Conflict):
    """Consent can only be asked for with a published notice (C1)."""

    code = "consent.notice_not_published"

    def __init__(self) -> None:
        super().__init__(problem="공개하지 않은 고지문으로는 동의를 받을 수 없습니다.")


class MediaDoNotFit(Invalid):
    """The media asked for are not those of the notice."""

    code = "consent.media_do_not_fit"

    def __init__(self) -> None:
        super().__init__(problem="고지문에 없는 매체로는 동의를 받을 수 없습니다.")
