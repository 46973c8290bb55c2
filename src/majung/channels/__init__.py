"""Through what: channels, friendships, dealer accounts, prices, templates, adapters, signed inbound webhooks. Serves T6, M10, F1."""
