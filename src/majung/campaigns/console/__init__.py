"""Pages of campaigns: list, wizard, live page, report, by-hand tasks."""
