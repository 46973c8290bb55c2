"""What neither kakao.md §4.4 nor Popbill's own clients say, in one place: when the real Popbill differs, this file is what to mend.

Each is chosen so that being wrong shows as "in doubt" or as an error, never as a second message.
"""

from majung.channels.adapters.outcomes import Outcome

REFUSALS_ARE_4XX = True
"""Errors are any status but 200 with ``{code, message}``; which status is written nowhere. 4xx is a refusal, 5xx doubt."""

FIND_SECONDS = 20.0
"""How long after a request it may not be found yet. Not documented, nor what "there is no such request" looks like: so "no"
proves nothing (``Finds.PERHAPS``). Whether a repeated ``requestnum`` is refused is known from memory only: not relied upon."""

OPEN_STATES = frozenset({"0", "1", "2"})
DONE_STATE, CANCELLED_STATE = "3", "4"
"""``state`` of a message: that a result can be read at 3 is documented, the others are from memory. Any other stays in doubt."""

DELIVERED_RESULT = "100"
"""``result`` of a message that arrived, from memory. No source has the table of the others."""

RESULTS: dict[int, Outcome] = {}
"""``result`` numbers whose meaning is known for certain. Until somebody has Popbill's table every failure is one without a reason,
so that neither the next channel nor a text is tried: wrong reasons could send a text to somebody who refused."""

ADVERTISING_FLAG = "adsYN"
"""Texts that begin with the label are sent as advertising. That Popbill then puts the label a second time is not to be expected,
since it is documented as a mark of the request only."""

TEMPLATE_STATE = "APPROVED"
"""The list of templates is of approved ones."""
