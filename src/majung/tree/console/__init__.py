"""The tree's pages for operators. Each view reads its input, calls one service or query, and renders."""
