"""What allauth asks of us: nobody signs up by themselves, and failed sign-ins lock an address for a while (X7)."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from majung.accounts import services
from majung.accounts.models import User


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Sign-in and password reset stay; sign-up is closed. The lockout is counted in the database, for all processes."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: see tree.services.accept."""
        return False

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """There is no user name; the e-mail address is the login."""

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse a locked address before its password is looked at."""
        if services.is_locked(credentials.get("email") or ""):
            raise ValidationError("여러 번 틀려 15분 동안 잠갔습니다. 잠시 뒤에 다시 해 주세요.", code="locked")
        super().pre_authenticate(request, **credentials)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """The user, if the password is right; the count begins anew."""
        user = super().authenticate(request, **credentials)
        if user is not None:
            services.forget_failures(credentials.get("email") or "")
        return user

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """One failure more for the address, which may exist or not: the answer is the same."""
        services.note_failure(credentials.get("email") or "")

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether the signed-in user knows the password; wrong ones count towards the lockout."""
        if services.is_locked(user.email):
            return False
        if user.check_password(password):
            services.forget_failures(user.email)
            return True
        services.note_failure(user.email)
        return False
