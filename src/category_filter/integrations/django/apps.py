"""The app configuration, which registers the integrations with the admin and DRF."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

__all__ = ["CategoryFilterConfig"]


class CategoryFilterConfig(AppConfig):
    """The configuration of the app, which provides templates, styles and translations."""

    name = "category_filter.integrations.django"
    label = "category_filter"
    verbose_name = _("Category filters")

    def ready(self) -> None:
        if apps.is_installed("django.contrib.admin"):
            from category_filter.integrations.django import admin  # noqa: PLC0415 - optional

            admin.register()
        if apps.is_installed("rest_framework"):
            from category_filter.integrations.django import serializers  # noqa: PLC0415 - optional

            serializers.register()
