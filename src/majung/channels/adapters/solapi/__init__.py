"""Solapi v4 (CoolSMS is the same platform): AlimTalk, brand message to friends, SMS and LMS (kakao.md §4.1)."""

from majung.channels.adapters.solapi.adapter import Solapi
from majung.channels.adapters.solapi.single import SolapiSingle

__all__ = ["Solapi", "SolapiSingle"]
