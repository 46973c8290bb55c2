"""May this message go to this person now: the rules, each with its article, for a million and for one (C3, C4, J5).

Plain: no Django, no tables. Others call ``judge`` with an ``occasion``; ``rules`` has the tables, ``lint`` reads texts.
"""
