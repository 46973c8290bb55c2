"""Whether this message may go to this person now: rules with article, reason and sentence. Serves C3, C4."""
