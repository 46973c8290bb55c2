"""What happened and what is owed: an append-only stream, its readers' cursors, duties. Serves idea 5 (architecture)."""
