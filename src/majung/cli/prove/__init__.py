"""``majung prove crashes``: campaigns that are killed again and again, and both sides' books compared as sets (O6).

``plan`` says from a seed what happens in a run, ``stage`` is the installation that it happens to, ``act`` does it,
``compare`` judges what is left, ``record`` keeps one line a run. The page for readers: docs/developers/proof.md.
"""

from majung.cli.prove.command import run

__all__ = ["run"]
