"""Ground that every room stands on: clock, money, ids, errors, settings readers, SQL loader, sealing. No Django models here."""
