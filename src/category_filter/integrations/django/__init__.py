"""The Django app: model field, form field, widget, lookup, admin filter and REST field.

    INSTALLED_APPS = [..., "category_filter.integrations.django"]

Modules have Django's own names: `models`, `forms`, `lookups`, `admin`, and `serializers` for
Django REST framework.
"""

from importlib import import_module

from category_filter._extras import requires

with requires("django"):
    import_module("django")
