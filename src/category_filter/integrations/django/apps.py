"""The application: what is made known to Django when it starts."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

__all__ = ["CategoryFilterConfig"]


class CategoryFilterConfig(AppConfig):
    """What `INSTALLED_APPS` finds: templates, style, translations, and registrations."""

    name = "category_filter.integrations.django"
    label = "category_filter"
    verbose_name = _("Category filters")

    def ready(self) -> None:
        """Let the admin and Django REST framework, where installed, know the model field."""
        if apps.is_installed("django.contrib.admin"):
            from category_filter.integrations.django import admin  # noqa: PLC0415 - optional

            admin.register()
        if apps.is_installed("rest_framework"):
            from category_filter.integrations.django import serializers  # noqa: PLC0415 - optional

            serializers.register()
