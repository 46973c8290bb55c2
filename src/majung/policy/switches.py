"""Dates from which changes of law apply (law.md 0.4), as data: rules name a switch, never a date of their own."""

from datetime import date

SWITCHES: dict[str, date] = {
    "ICNA_2026_10": date(2026, 10, 1),
    "PIPA_2026_09": date(2026, 9, 11),
    "STD_2025_9_B": date(2026, 10, 31),
    "PIPA_PORT": date(2027, 2, 20),
    "PIPA_ISMSP": date(2027, 7, 1),
    "POEA_2026_04": date(2026, 4, 22),
    "PIPA_AI": date(2027, 3, 9),
}
