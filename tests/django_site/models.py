"""A model with three filters (with a known set, nullable, with a maximum length), and an owner."""

from django.db import models

from category_filter import Categories
from category_filter.integrations.django.models import CategoryFilterField

KNOWN = Categories(
    {"news": "News of the day", "sport": "Results", "ads": "Offers <& more>", "log": "Logs"}
)


class Account(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self):
        return self.name


class Subscription(models.Model):
    account = models.ForeignKey(
        Account, models.CASCADE, null=True, editable=False, related_name="subscriptions"
    )
    device = models.CharField(max_length=100, default="phone")
    wanted = CategoryFilterField("notifications", categories=KNOWN)
    maybe = CategoryFilterField(categories=KNOWN, null=True, blank=True)
    anything = CategoryFilterField(max_length=20, default="-*")

    def __str__(self):
        return f"{self.device}: {self.wanted}"
