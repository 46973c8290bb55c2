"""Who signs in: User (e-mail, nothing else personal), invitations, API keys, second factor. Serves X7, O7."""
