"""What sending tells about friendship is noted in its own time (F1): the chunks hold it until then, so nothing is lost.

Noting costs the database as much as sending does, and nobody waits for it, since where a message goes next is known from
the freeze. So it is done when a dispatch has nothing left to send, before it is finished; or after a while.
"""

from datetime import datetime, timedelta
from itertools import groupby

import numpy as np

from majung.channels import friends
from majung.channels.friends import FriendState, How
from majung.core import clock
from majung.delivery.handover import Hands
from majung.delivery.ledger import run
from majung.delivery.outcomes import MOVED_ON, NOT_A_FRIEND

CHUNKS = 100
"""As many are noted in one transaction."""
LONGEST_WAIT = timedelta(seconds=30)


def note_late(hands: Hands) -> None:
    """Note something of what has waited too long already."""
    _note(hands, None, clock.now() - LONGEST_WAIT)


def note_all(hands: Hands, campaign: int) -> None:
    """Note everything of a campaign that no other slot is noting, also what a host whose clock is ahead was told."""
    while _note(hands, campaign, None):
        pass


def _note(hands: Hands, campaign: int | None, until: datetime | None) -> bool:
    """Note what was told, at most up to an instant. False: there is nothing."""
    now = clock.now()
    with hands.connection.transaction():
        rows = run(hands.connection, "told", campaign=campaign, until=until, most=CHUNKS).fetchall()
        for (root, told_at), together in groupby(rows, key=lambda row: (row[2], row[4])):
            people, channels = [], []
            for _, _, _, channel, _, everybody, outcome in together:
                cells = np.frombuffer(outcome, np.uint8)
                people.append(everybody[(cells == MOVED_ON) | (cells == NOT_A_FRIEND)])
                channels += [channel] * len(people[-1])
            at = min(told_at, now)  # a date that lies ahead would outlive what is observed after it
            friends.observe_pairs(
                hands.connection, root, np.concatenate(people), channels, FriendState.NOT_A_FRIEND, at, How.SENDING
            )
        keys = {"campaigns": [row[0] for row in rows], "chunks": [row[1] for row in rows]}
        return run(hands.connection, "noted", **keys).rowcount > 0
