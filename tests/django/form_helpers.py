"""A form with each kind of filter field, and a parser for the HTML it renders."""

from html.parser import HTMLParser

from django import forms
from django_site.models import KNOWN

from category_filter.integrations.django.forms import CategoryFilterField


class SubscriptionForm(forms.Form):
    wanted = CategoryFilterField(categories=KNOWN)
    maybe = CategoryFilterField(categories=KNOWN, required=False)
    text = CategoryFilterField(categories=KNOWN, widget=forms.TextInput, required=False)
    anything = CategoryFilterField(required=False)


def submit(**data):
    """Return the form with submitted data; the required field has a valid value by default."""
    return SubscriptionForm({"wanted_mode": "all"} | data)


class Controls(HTMLParser):
    """The radio buttons and checkboxes of a page as lists: name, value, label, checked."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.open = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "input" and attrs["type"] in {"radio", "checkbox"}:
            self.open = [attrs["name"], attrs["value"], "", "checked" in attrs]
            self.found.append(self.open)

    def handle_data(self, data):
        if self.open:
            self.open[2] += data.strip()

    def handle_endtag(self, tag):
        if tag == "label":
            self.open = None


def checked(html, prefix="wanted"):
    """Return the values of the checked radio buttons, and those of the checked checkboxes."""
    values = [
        (name, value)
        for name, value, _, is_checked in Controls(html).found
        if is_checked and name.startswith(prefix)
    ]
    return (
        [value for name, value in values if name.endswith("_mode")],
        [value for name, value in values if "_names" in name],
    )
