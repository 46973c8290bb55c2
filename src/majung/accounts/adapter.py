"""What allauth asks of us: nobody signs up by themselves; operators come by invitation."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Sign-in and password reset stay; sign-up is closed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: see accounts.services.accept."""
        return False

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """There is no user name; the e-mail address is the login."""
