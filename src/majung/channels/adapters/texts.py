"""SMS and LMS as Korean carriers take them (kakao.md §5), each person's own: what dealers add nothing to."""

from collections.abc import Mapping
from types import MappingProxyType

from majung.channels.adapters.terms import Kind, KindFacts, Printer

TEXTS: Mapping[Kind, KindFacts] = MappingProxyType(
    {
        Kind.SMS: KindFacts(
            medium="SMS", bytes=90, needs_sender=True, label=Printer.TEXT, sender=Printer.TEXT, opt_out=Printer.TEXT,
        ),
        Kind.LMS: KindFacts(
            medium="SMS", bytes=2000, subject_bytes=40, needs_sender=True, label=Printer.TEXT, sender=Printer.TEXT,
            opt_out=Printer.TEXT,
        ),
    }
)  # fmt: skip
