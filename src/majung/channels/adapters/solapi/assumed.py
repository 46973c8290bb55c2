"""What no source of kakao.md §4.1 says of sending one by one: when the real Solapi differs, this file is what to mend.

Each is chosen so that being wrong shows as "in doubt", as an error or as a known repeat, never as a second message unknown.
"""

FIND_SECONDS = 20.0
"""How long after a request ``/messages/v4/list`` may not show its message yet. Its filters by number and time are documented."""

IN_FLIGHT = 64
"""Requests that one account may have on their way from one sender at the same time. No source has a limit."""

PIPELINED = 16
"""Requests that one connection may carry before the first is answered. HTTP/1.1 says that a server answers them in order; no source
says that Solapi's does. Where it hangs up instead, those behind are in doubt and asked for by number, and from then on every
request waits for its answer."""

REFUSALS = "statusCode"
"""A message that is refused at registration is told by its status code under a 200, as in lists and group calls; an error with
another HTTP status is about the account or the request as such, and stops the dispatch with its code."""
