"""Who may: organisations, units and their spans in time, legal entities, grants, budgets, and the actor. Serves T1-T3, T5-T7."""
