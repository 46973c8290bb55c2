"""Whom: persons, sealed contact points, the vault and its access log, memberships, tags, imports. Serves F1-F3, X1, X2."""
