"""What no source of kakao.md §4.2 says, in one place: when the real NHN Cloud differs, this file is what to mend.

Each is chosen so that being wrong shows as "in doubt" or as an error, never as a second message.
"""

SENDER_NUMBERS = "/sendNos"
"""SMS: the list of registered sender numbers, rows with ``sendNo``, ``useYn``, ``blockYn``. From memory."""

BLOCKED_RECIPIENTS = "/blockservice/recipients"
"""SMS: the path is known, its rows are not: ``recipientNo`` is read, and ``blockDateTime`` as since when."""

KEY_FILTER = "senderGroupingKey"
"""The list filter by our key is documented for AlimTalk only. Brand message and SMS are asked alike, so there "no" proves
nothing (``Finds.PERHAPS``); and a row counts only if it repeats the key."""

FIND_SECONDS = 20.0
"""How long after a request the list may not show it yet. Not documented."""

ADVERTISING_IN_LISTS = True
"""SMS: messages sent by ``ad-sms`` and ``ad-mms`` are looked for in the lists of ``sms`` and ``mms``."""

NOT_A_FRIEND_CODES = frozenset({1028, 2003, 3018})
"""Kakao codes of a brand message to friends that failed, which mean "not a friend" when ``isAddedChannel`` is false; no
source has a code that means just this."""
