"""The forms: the widget, a text input, and known sets of other sizes."""

from django import forms

from category_filter import Categories
from category_filter.integrations.django.forms import CategoryFilterField
from category_filter.navixy import CATEGORIES
from django_site.models import Subscription

LONG_NAME = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

MANY = Categories(
    {"security": "Security alerts", "long": LONG_NAME}
    | {
        f"{area.lower()}.{number}": f"{area}: {what} {number}"
        for area, what in {
            "Chat": "somebody answers in a conversation that you started or follow, number",
            "Devices": "battery",
            "Trips": "a vehicle leaves the zone that it is assigned to on the day of its tour",
        }.items()
        for number in range(1, 14)
    }
)


class WidgetForm(forms.ModelForm):
    class Meta:
        model = Subscription
        fields = ["wanted"]
        labels = {"wanted": "Notifications"}
        help_texts = {"wanted": "Select what this device receives."}


class TextForm(WidgetForm):
    class Meta(WidgetForm.Meta):
        widgets = {"wanted": forms.TextInput}


class ProductForm(forms.Form):
    device = "Ann’s phone"
    wanted = CategoryFilterField(categories=CATEGORIES, initial="-history_task,history_info")


class ManyForm(forms.Form):
    device = "Dispatch desk"
    is_wide = True
    wanted = CategoryFilterField(categories=MANY, initial="-long,chat.2,trips.7,retired")
