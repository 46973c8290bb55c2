"""Import of messy Korean lists (F2): read, map, clean, stage sealed, dry-run, apply in batches, undo.

``reader`` turns a file into lines of cells, ``mapping`` says which column is what, ``clean`` makes one row a person or a
list of problems (all three pure); ``services`` moves them through the tables; ``tasks`` does so in the background.
"""
