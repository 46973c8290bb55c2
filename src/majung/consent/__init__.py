"""What they agreed to: notices, the consent ledger, refusals, transactions and provisions. Serves C1, C2."""
