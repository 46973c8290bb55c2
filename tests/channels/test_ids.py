"""Our message ids as rows of numbers."""

from majung.channels.adapters.base import our_ids


def test_ids_are_taken_apart() -> None:
    assert our_ids(["12-3-456", "1-1-0"]).tolist() == [[12, 3, 456], [1, 1, 0]]
    assert our_ids([]).shape == (0, 3)


def test_what_is_no_id_of_ours_is_zeros() -> None:
    odd = ["", "x", "1-2", "1-2-3-4", "-1-2-3", "1- 2-3", "1-2-3 4-5-6", "１-2-3", "1" * 11 + "-1-1", "9-9-9"]
    assert our_ids(odd).tolist() == [[0, 0, 0]] * 9 + [[9, 9, 9]]
