"""Popbill: AlimTalk, brand message, SMS and LMS, under session tokens of Linkhub (kakao.md §4.4)."""

from majung.channels.adapters.popbill.adapter import Popbill

__all__ = ["Popbill"]
