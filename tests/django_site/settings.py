"""The settings of a new project, with the app added."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pymysql

SECRET_KEY = "not-a-secret"  # noqa: S105 - a test key
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "django_site.urls"
STATIC_URL = "/static/"
BOOTSTRAP = "/usr/share/javascript/bootstrap5/css"  # Debian package: libjs-bootstrap5
STATICFILES_DIRS = [("bootstrap", BOOTSTRAP)] if Path(BOOTSTRAP).exists() else []
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_filters",
    "drf_spectacular",
    "import_export",
    "ninja",
    "rest_framework",
    "category_filter.integrations.django",
    "django_site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

CRISPY_TEMPLATE_PACK = "bootstrap5"
REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
}

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SITE_DATABASE", ":memory:"),
    }
}
DATABASES["other"] = DATABASES["default"] | {"NAME": ":memory:"}
if "POSTGRES_URL" in os.environ:
    url = urlsplit(os.environ["POSTGRES_URL"])
    DATABASES["postgresql"] = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": url.hostname,
        "PORT": url.port,
        "USER": url.username,
        "NAME": "django_site",
    }
if "MARIADB_URL" in os.environ:
    pymysql.version_info = (2, 2, 1, "final", 0)  # the interface of mysqlclient that it implements
    pymysql.install_as_MySQLdb()
    url = urlsplit(os.environ["MARIADB_URL"])
    DATABASES["mariadb"] = {
        "ENGINE": "django.db.backends.mysql",
        "HOST": url.hostname,
        "PORT": url.port,
        "USER": url.username,
        "NAME": "django_site",
    }
