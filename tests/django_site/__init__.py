"""A small Django site for the tests.

To run it, set SITE_DATABASE to a file, then call `python tests/django_site/manage.py` with
`migrate`, `createsuperuser` and `runserver`.
"""
