"""The demo: an invented party on the real map, invented people, and its main campaign. Uses the rooms' own services."""
