"""A notice as the lines people read before they choose; the law's highlights stand out (PIP-02, PIP-05)."""

from majung.consent.enums import ConsentPurpose
from majung.consent.models import Notice
from majung.ui.values import ConsentLine


def lines(notice: Notice) -> list[ConsentLine]:
    """The four items, and the recipients where there are any. What must stand out (PIPD art. 17): the retention period,
    sensitive items, advertising as purpose, and to whom data goes.
    """
    promotes = notice.purpose in (ConsentPurpose.ADVERTISING, ConsentPurpose.NIGHT)
    sensitive = notice.purpose == ConsentPurpose.SENSITIVE
    found = [
        ConsentLine(label="목적", text=notice.purpose_text, strong=promotes or bool(notice.recipients_text)),
        ConsentLine(label="항목", text=notice.items_text, strong=sensitive),
        ConsentLine(label="보유기간", text=notice.retention_text, strong=True),
        ConsentLine(label="거부할 권리", text=notice.refusal_text),
    ]
    if notice.recipients_text:
        found.insert(0, ConsentLine(label="받는 곳", text=notice.recipients_text, strong=True))
    return found
