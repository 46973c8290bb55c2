"""Addresses from which letters came back. The table is ``sql/returns.sql``; a row is of an address, whoever holds it."""

from django.db import models


class Returned(models.Model):
    """An address that does not exist any more, by its blind index: nothing is sent there until it is taken out."""

    pk = models.CompositePrimaryKey("root_id", "blind")
    root_id = models.IntegerField()
    blind = models.BinaryField()
    since = models.DateTimeField()
    status = models.TextField()
    campaign_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "mail_returned"
