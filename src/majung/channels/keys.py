"""Where the keys of this room are sealed, plain. Subjects are the numbers of the rows."""

from majung.core.sealing import Place


def admin_key_place(root: int) -> Place:
    """The primary admin key of a Kakao app."""
    return Place(root=root, table="channels_kakaoapp", column="admin_key")


def account_place(root: int, column: str) -> Place:
    """The ``key`` or the ``secret`` of a dealer account, or what it has ``more`` (a JSON object of names and texts)."""
    return Place(root=root, table="channels_dealeraccount", column=column)


def test_number_place(root: int) -> Place:
    """The number of a test message."""
    return Place(root=root, table="channels_testsend", column="number")


def own_number_place(root: int) -> Place:
    """The number an operator sends tests to."""
    return Place(root=root, table="channels_testnumber", column="number")
