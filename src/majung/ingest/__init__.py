"""The inlet: a bare ASGI app for the messenger's and the dealers' webhooks, outside Django's request stack. Serves F1, M10.

Every answer 200 follows a durable commit. Nothing here decides: friendships go through ``channels.friends``, a dealer's
report only wakes the query that confirms it (``channels.wakes``).
"""
