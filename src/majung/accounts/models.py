"""Tables of sign-in: users, one-time invitations, API keys."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from majung.core import clock, ids


class UserManager(BaseUserManager["User"]):
    """Makes users; the e-mail address is the login."""

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """A new active user. Raises ValueError without an address; IntegrityError when it is taken."""
        if not email:
            raise ValueError("email")
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user with that address, whatever its case."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """Somebody who signs in. What they may do comes from grants alone (majung.tree)."""

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="user_email_any_case"),)

    def __str__(self) -> str:
        return self.email


class Invitation(models.Model):
    """A one-time link; whoever opens it first becomes the holder of the grants that wait for it (O7)."""

    token_hash = models.BinaryField(unique=True, max_length=32)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(accepted_at__isnull=True, accepted_by__isnull=True)
                | models.Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_whole",
            ),
        )


class ApiKey(models.Model):
    """A program's way in: acts through the grants that name it, until it expires or is revoked (O4)."""

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    label = models.CharField(max_length=80)
    secret_hash = models.BinaryField(unique=True, max_length=32)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)


class SignInFailure(models.Model):
    """A failed try to sign in, by the hash of the address tried: what a lockout counts (X7). Swept after a day."""

    subject = models.BinaryField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("subject", "at"), name="failures_of_subject"),)
