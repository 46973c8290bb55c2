"""Majung: a tree of KakaoTalk channels, lent from the centre down, and the communities around them."""

__version__ = "0.1.0"
