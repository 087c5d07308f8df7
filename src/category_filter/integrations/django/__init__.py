"""Filters in Django: a model field, a form field with a widget, a lookup, the admin and DRF.

    INSTALLED_APPS = [..., "category_filter.integrations.django"]

The modules are named as Django names its own: `models`, `forms`, `lookups`, `admin`, and
`serializers` for Django REST framework.
"""
