"""Sets of people: base-set registry, expressions, the three evaluators, bitmaps and their change log."""
