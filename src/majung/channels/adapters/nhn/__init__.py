"""NHN Cloud: AlimTalk v2.3 and brand message v1.0 (KakaoTalk Bizmessage), SMS and LMS (SMS v3.0) (kakao.md §4.2)."""

from majung.channels.adapters.nhn.adapter import Nhn

__all__ = ["Nhn"]
