"""The members' pages: a unit's public page, join forms, the preference page."""
