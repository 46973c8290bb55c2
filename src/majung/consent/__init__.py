"""What people allowed and refused: notices, the consent ledger, refusals, deals, provisions (C1, C2, C4).

Others call ``services`` (publish, grant, withdraw, refuse, leave), ``queries``, ``sets`` (base sets of the crowd) and
``links`` (signed preference links). Ledgers only grow; triggers keep the state tables and tell the crowd what changed.
"""
