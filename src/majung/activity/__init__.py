"""What happened and what is owed: the append-only stream, readers' cursors, and duties. Serves idea 5 of the architecture."""
