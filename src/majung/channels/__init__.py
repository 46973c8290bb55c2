"""Through what: channels, friendships, dealer accounts, prices, templates, adapters, signed inbound webhooks.

Serves F1, T2, T6, M7 (prices) and M10. Others may call ``services``, ``queries``, ``sets``, ``friends``, ``adapters``
(the last two plain).
"""
