"""Verbs of campaigns. Callers write ``from majung.campaigns import services``; the files beside this one do the work."""

from majung.campaigns.services.checking import Check, Problem, check, look
from majung.campaigns.services.freezing import follow, freeze, start, start_due
from majung.campaigns.services.hand import Result, report, tick, untick
from majung.campaigns.services.sending import confirm, pause, recall, resume, stop
from majung.campaigns.services.writing import (
    Texting,
    Wording,
    copy,
    discard,
    draft,
    edit_audience,
    edit_fallback,
    edit_hour,
    edit_words,
)

__all__ = [
    "Check",
    "Problem",
    "Result",
    "Texting",
    "Wording",
    "check",
    "confirm",
    "copy",
    "discard",
    "draft",
    "edit_audience",
    "edit_fallback",
    "edit_hour",
    "edit_words",
    "follow",
    "freeze",
    "look",
    "pause",
    "recall",
    "report",
    "resume",
    "start",
    "start_due",
    "stop",
    "tick",
    "untick",
]
