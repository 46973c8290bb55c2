"""Users, one-time invitations and API keys: made, found, spent. What they may do is lent by the tree, which lies above."""

from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q

from majung.accounts.models import ApiKey, Invitation, SignInFailure, User
from majung.core import clock, ids
from majung.core.errors import Invalid

KEY_PREFIX = "mj_"
FAILURES = 5
LOCKED = timedelta(minutes=15)
_SEEN_EVERY = timedelta(minutes=1)


def digest(secret: str) -> bytes:
    """What is stored of a secret of 256 bits: its SHA-256 (nothing slower is needed for what cannot be guessed)."""
    return sha256(secret.encode()).digest()


def create_user(email: str, password: str) -> User:
    """A new user who can sign in. Raises Invalid for an address or password that will not do, or an address taken."""
    address = email.strip()
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid(problem="전자우편 주소를 다시 확인해 주세요.") from None
    try:
        validate_password(password, User(email=address))
    except ValidationError as error:
        raise Invalid(problem=" ".join(error.messages)) from None
    try:
        with transaction.atomic():
            return User.objects.create_user(address, password)
    except IntegrityError:
        raise Invalid(problem="이미 쓰는 주소입니다. 로그인한 뒤 링크를 다시 열어 주세요.") from None


def open_invitation(by: User, *, expires_at: datetime) -> tuple[Invitation, str]:
    """An invitation and its one-time token, of which only the hash is kept."""
    token = ids.token()
    return Invitation.objects.create(token_hash=digest(token), invited_by=by, expires_at=expires_at), token


def find_invitation(token: str, *, lock: bool = False) -> Invitation | None:
    """The invitation of ``token`` while it can still be used."""
    rows = Invitation.objects.select_for_update() if lock else Invitation.objects.all()
    return rows.filter(token_hash=digest(token), accepted_at=None, expires_at__gt=clock.now()).first()


def spend_invitation(token: str, user: User) -> None:
    """The invitation was accepted by ``user``; its token opens nothing any more."""
    Invitation.objects.filter(token_hash=digest(token), accepted_at=None).update(
        accepted_at=clock.now(), accepted_by=user
    )


def issue_key(by: User, label: str, expires_at: datetime) -> tuple[ApiKey, str]:
    """A key and its secret, of which only the hash is kept."""
    secret = f"{KEY_PREFIX}{ids.token()}"
    return ApiKey.objects.create(label=label, secret_hash=digest(secret), created_by=by, expires_at=expires_at), secret


def key_from_header(text: str) -> ApiKey | None:
    """The living key of an ``Authorization: Bearer mj_…`` header; None for anything else."""
    scheme, _, secret = text.partition(" ")
    if scheme.lower() != "bearer" or not secret.startswith(KEY_PREFIX) or len(secret) > 100:
        return None
    now = clock.now()
    key = ApiKey.objects.filter(secret_hash=digest(secret.strip()), revoked_at=None, expires_at__gt=now).first()
    if key is not None and key.created_by.is_active is False:
        return None
    if key is not None and (key.last_used_at is None or key.last_used_at < now - _SEEN_EVERY):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def revoke_key(key: ApiKey) -> None:
    """The key opens nothing any more; the first moment stays."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock.now())


def _subject(email: str) -> bytes:
    return digest(f"sign-in/{email.strip().casefold()}")


def note_failure(email: str) -> None:
    """Somebody failed to sign in with that address, which may exist or not; the address itself is not kept."""
    SignInFailure.objects.filter(at__lt=clock.now() - timedelta(days=1)).delete()
    SignInFailure.objects.create(subject=_subject(email), at=clock.now())


def forget_failures(email: str) -> None:
    """A sign-in succeeded: the count begins anew."""
    SignInFailure.objects.filter(subject=_subject(email)).delete()


def is_locked(email: str) -> bool:
    """Whether the address failed FAILURES times within LOCKED: the right password does not help then either (X7)."""
    recent = Q(subject=_subject(email), at__gt=clock.now() - LOCKED)
    return SignInFailure.objects.filter(recent).count() >= FAILURES
