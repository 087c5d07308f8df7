"""A model with three filters: with a known set, nullable, and with a maximum length."""

from django.db import models

from category_filter import Categories
from category_filter.integrations.django.models import CategoryFilterField

KNOWN = Categories(
    {"news": "News of the day", "sport": "Results", "ads": "Offers <& more>", "log": "Logs"}
)


class Subscription(models.Model):
    device = models.CharField(max_length=100, default="phone")
    wanted = CategoryFilterField("notifications", categories=KNOWN)
    maybe = CategoryFilterField(categories=KNOWN, null=True, blank=True)
    anything = CategoryFilterField(max_length=20, default="-*")

    def __str__(self):
        return f"{self.device}: {self.wanted}"
