"""Names of the id spaces of a Kakao app, as ``external_identity.app`` has them, plain (kakao.md §1.5).

An app's user id and an open id (of somebody who has not consented) are different ids of the same person: two spaces.
"""

from majung.core.sealing import Sealer

APP_USER_ID, OPEN_ID = "app_user_id", "open_id"


def space(kakao_app_id: int, id_type: str = APP_USER_ID) -> str:
    """The space of ids that this app gives in that form: ``kakao:7`` or ``kakao-open:7``."""
    return f"{'kakao' if id_type == APP_USER_ID else 'kakao-open'}:{kakao_app_id}"


def blind(sealer: Sealer, root: int, space: str, key: str) -> bytes:
    """The blind index of an id, as people added with ``NewPerson.identities`` have it."""
    return sealer.blind(root, f"app/{space}", key)
