"""The operators' pages: composition of the rooms' queries and services."""
