"""Outgoing webhooks: an organisation's own systems are told what happened, signed, at least once (O4)."""
