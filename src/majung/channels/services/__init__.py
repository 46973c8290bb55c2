"""Verbs of the room, by subject: ``channels`` and their apps, dealer ``accounts``, ``jobs``, ``trials`` (test messages)."""

from collections.abc import Sequence
from datetime import datetime

from majung.channels import friends
from majung.channels.friends import FriendState, How
from majung.channels.services.accounts import add_account, change_account, close_account, set_price, store_keys
from majung.channels.services.channels import (
    add_app,
    add_channel,
    change_channel,
    change_key,
    store_admin_key,
    tick,
    untick,
)
from majung.channels.services.jobs import ask
from majung.channels.services.pictures import add_picture
from majung.channels.services.profiles import import_profiles
from majung.channels.services.trials import ask_number, send_trial
from majung.core.db import raw

__all__ = [
    "add_account", "add_app", "add_channel", "add_picture", "ask", "ask_number", "change_account", "change_channel", "change_key",
    "close_account", "import_profiles", "observe", "send_trial", "set_price", "store_admin_key", "store_keys", "tick", "untick",
]  # fmt: skip


def observe(root: int, channel_id: int, people: Sequence[int], state: FriendState, at: datetime, how: How) -> int:
    """What was seen of these people is known; older news than what is known changes nothing. Returns rows changed."""
    return friends.observe(raw(), root, channel_id, people, state, at, how)
