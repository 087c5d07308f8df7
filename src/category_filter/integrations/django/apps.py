"""The app configuration, which registers the integrations with the installed apps."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

__all__ = ["CategoryFilterConfig"]

_MODULES = {
    "django.contrib.admin": "admin",
    "django_filters": "filters",
    "drf_spectacular": "spectacular",
    "import_export": "import_export",
    "ninja": "ninja",
    "rest_framework": "serializers",
}
"""The module that integrates with each installed app."""


class CategoryFilterConfig(AppConfig):
    """The configuration of the app, which provides templates, styles and translations."""

    name = "category_filter.integrations.django"
    label = "category_filter"
    verbose_name = _("Category filters")

    def ready(self) -> None:
        for app, module in _MODULES.items():
            if apps.is_installed(app):
                import_module(f"{self.name}.{module}").register()
