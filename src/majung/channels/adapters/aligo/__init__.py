"""Aligo: AlimTalk (kakaoapi.aligo.in), SMS and LMS (apis.aligo.in) (kakao.md §4.3, docs/decisions/0040)."""

from majung.channels.adapters.aligo.adapter import Aligo

__all__ = ["Aligo"]
