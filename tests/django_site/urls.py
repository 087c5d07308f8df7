"""The pages: forms with the widget and with a text input, an API, and the admin."""

from django import forms
from django.contrib import admin
from django.shortcuts import redirect, render
from django.urls import include, path
from rest_framework import serializers, viewsets
from rest_framework.routers import DefaultRouter

from django_site.models import Subscription


class WidgetForm(forms.ModelForm):
    class Meta:
        model = Subscription
        fields = ["wanted"]
        labels = {"wanted": "Notifications"}
        help_texts = {"wanted": "Select what this device receives."}


class TextForm(WidgetForm):
    class Meta(WidgetForm.Meta):
        widgets = {"wanted": forms.TextInput}


def edit(request, form_class, pk=None):
    stored = Subscription.objects.filter(pk=pk).first()
    form = form_class(request.POST or None, instance=stored)
    if request.method == "POST" and form.is_valid():
        return redirect("stored", pk=form.save().pk)
    return render(request, "edit.html", {"form": form})


def stored(request, pk):
    return render(request, "stored.html", {"stored": Subscription.objects.get(pk=pk)})


class SubscriptionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Subscription
        fields = ["id", "device", "wanted", "maybe"]


class SubscriptionViewSet(viewsets.ModelViewSet):
    queryset = Subscription.objects.order_by("pk")
    serializer_class = SubscriptionSerializer
    filterset_fields = {"wanted": ["exact", "allows", "contains"], "maybe": ["isnull"]}


router = DefaultRouter()
router.register("subscriptions", SubscriptionViewSet)

urlpatterns = [
    path("", edit, {"form_class": WidgetForm}, name="widget"),
    path("text/", edit, {"form_class": TextForm}, name="text"),
    path("<int:pk>/", edit, {"form_class": WidgetForm}, name="edit"),
    path("<int:pk>/stored/", stored, name="stored"),
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
]
