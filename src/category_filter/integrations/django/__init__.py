"""The Django app: a model field, a form field and widget, a lookup, the admin, and DRF.

    INSTALLED_APPS = [..., "category_filter.integrations.django"]

Modules have Django's own names: `models`, `forms`, `lookups`, `admin`, and `serializers` for
Django REST framework.
"""

from importlib import import_module

from category_filter._extras import requires

with requires("django"):
    import_module("django")
