"""The pages: forms of several kinds, an API, and the admin."""

from django.contrib import admin
from django.shortcuts import redirect, render
from django.urls import include, path
from rest_framework import serializers, viewsets
from rest_framework.routers import DefaultRouter

from django_site.forms import ManyForm, ProductForm, TextForm, WidgetForm
from django_site.models import Subscription


def edit(request, form_class, pk=None):
    stored = Subscription.objects.filter(pk=pk).first()
    form = form_class(request.POST or None, instance=stored)
    if request.method == "POST" and form.is_valid():
        return redirect("stored", pk=form.save().pk)
    return render(request, "edit.html", {"form": form})


def show(request, form_class, template):
    return render(request, template, {"form": form_class(request.POST or None)})


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
    path("product/", show, {"form_class": ProductForm, "template": "product.html"}),
    path("many/", show, {"form_class": ManyForm, "template": "product.html"}),
    path("crispy/", show, {"form_class": ProductForm, "template": "crispy.html"}),
    path("<int:pk>/", edit, {"form_class": WidgetForm}, name="edit"),
    path("<int:pk>/stored/", stored, name="stored"),
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
]
