"""To whom: saved segments, the builder, counts. Serves M2."""
