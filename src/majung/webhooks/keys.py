"""Where the secrets of this room are sealed; the subject is the endpoint's number."""

from majung.core.sealing import Place


def secret_place(root: int) -> Place:
    """The secret of an endpoint; the old one stands in the same place until it ends."""
    return Place(root=root, table="webhooks_endpoint", column="secret")
