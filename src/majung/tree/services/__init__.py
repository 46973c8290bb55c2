"""Verbs of the tree. Callers write ``from majung.tree import services``; the files beside this one do the work."""

from majung.tree.services.budgets import release, reserve, set_budget, settle
from majung.tree.services.grants import Offer, lend, preview_revoke, revoke
from majung.tree.services.holders import (
    Made,
    accept,
    accept_as,
    create_owner,
    found,
    invite,
    invited,
    make_key,
    revoke_key,
)
from majung.tree.services.units import (
    Effect,
    UnitColumns,
    add_unit,
    close_unit,
    edit_unit,
    move_unit,
    preview_move,
    preview_stop,
    rename_unit,
    resume_unit,
    suspend_unit,
)
from majung.tree.services.words import add_entity, add_kind, change_entity, require_top

__all__ = [
    "Effect",
    "Made",
    "Offer",
    "UnitColumns",
    "accept",
    "accept_as",
    "add_entity",
    "add_kind",
    "add_unit",
    "change_entity",
    "close_unit",
    "create_owner",
    "edit_unit",
    "found",
    "invite",
    "invited",
    "lend",
    "make_key",
    "move_unit",
    "preview_move",
    "preview_revoke",
    "preview_stop",
    "release",
    "rename_unit",
    "require_top",
    "reserve",
    "resume_unit",
    "revoke",
    "revoke_key",
    "set_budget",
    "settle",
    "suspend_unit",
]
