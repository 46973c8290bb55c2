"""Money as an integer of 1/100 won (``_centiwon``), because unit prices have fractions."""

from decimal import ROUND_HALF_UP, Decimal


def centiwon(won: int | str | Decimal) -> int:
    """``won`` in 1/100 won, half up. Raises ValueError on what is no number."""
    try:
        value = Decimal(won)
    except ArithmeticError as error:
        raise ValueError(won) from error
    if not value.is_finite():
        raise ValueError(won)
    return int((value * 100).quantize(Decimal(1), ROUND_HALF_UP))


def won(value_centiwon: int) -> Decimal:
    """1/100 won as won, exact."""
    return Decimal(value_centiwon) / 100
