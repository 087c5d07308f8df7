"""A small Django site, for the tests to use as people would.

By hand: set SITE_DATABASE to a file, then `python tests/django_site/manage.py migrate`,
`createsuperuser` and `runserver`.
"""
