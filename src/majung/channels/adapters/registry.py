"""The adapters there are, by code. A new one is a folder beside this file and a line here."""

from majung.channels.adapters.aligo import Aligo
from majung.channels.adapters.base import Adapter
from majung.channels.adapters.nhn import Nhn
from majung.channels.adapters.popbill import Popbill
from majung.channels.adapters.smtp.adapter import Smtp
from majung.channels.adapters.solapi import Solapi, SolapiSingle

ADAPTERS: dict[str, type[Adapter]] = {
    adapter.code: adapter for adapter in (Solapi, SolapiSingle, Nhn, Aligo, Popbill, Smtp)
}


def adapter(code: str) -> type[Adapter]:
    """The class of that code. Raises KeyError naming what there is."""
    if code not in ADAPTERS:
        raise KeyError(f"no adapter {code!r}, only {sorted(ADAPTERS)}")
    return ADAPTERS[code]
