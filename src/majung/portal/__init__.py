"""What a friend sees on a phone: a unit's page, the join form, and one's own settings behind a signed link (C1, C6, F1)."""
