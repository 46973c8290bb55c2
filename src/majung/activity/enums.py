"""Words of the stream: who can be behind an entry."""

from django.db.models import TextChoices


class ActorKind(TextChoices):
    """Who acted. A person is a member or friend on the portal; the system is scheduled work and webhooks."""

    USER = "user", "운영자"
    API_KEY = "api_key", "API 키"
    PERSON = "person", "본인"
    SYSTEM = "system", "시스템"
