"""How it leaves: planner, chunk ledger, renderer, dispatcher, receipts, cost ledger, books. Serves M4, M7, M9."""
