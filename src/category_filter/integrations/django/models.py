"""The model field: the canonical form in the database, `CategoryFilter` in Python."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, overload

from django.apps import apps
from django.core import checks
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models, router
from django.db.models.query_utils import DeferredAttribute
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations._validation import parse
from category_filter.integrations.django.errors import validation_error
from category_filter.integrations.django.forms import CategoryFilterField as FormField
from category_filter.integrations.django.lookups import Allows
from category_filter.integrations.django.validators import of_canonical_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django import forms
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.expressions import Combinable
    from typing_extensions import TypeVar

    _Set = TypeVar("_Set", default=CategoryFilter | str | Combinable)
    _Get = TypeVar("_Get", default=CategoryFilter)
    Field = models.Field
else:
    _Set = _Get = object

    class Field(models.Field):
        """A field that accepts type arguments, which only type checkers use."""

        def __class_getitem__(cls, types: object) -> type[models.Field]:
            return cls


__all__ = ["CategoryFilterField"]


class _FilterAttribute(DeferredAttribute):
    """An attribute that parses assigned strings, and leaves invalid ones for validation."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, str):
            with suppress(CategoryFilterError):
                value = CategoryFilter(value)
        vars(instance)[self.field.attname] = value


class CategoryFilterField(Field[_Set, _Get]):
    """A model field for filters.

        class Subscription(models.Model):
            wanted = CategoryFilterField(categories=CATEGORIES)

        Subscription.objects.filter(wanted__allows="chat_message")

    The default is `*`, every category; with `null=True` it is None. Labels of categories are
    translated when shown, if your project's catalogs contain them.

    Args:
        categories: The known set, to offer and validate names. It is not part of migrations, so
            you can extend it without one. Names already stored in the row stay valid, even if
            retired since.
        max_length: The maximum length of the canonical form, in characters. Without it, the
            column is a `TextField`, which MariaDB and MySQL cannot index.
        db_collation: The collation of the column. Choose a case-sensitive one: `exact`, `in`,
            `distinct()` and `unique=True` use it. MariaDB and MySQL have `ascii_bin` by default.
        **options: Passed to `django.db.models.Field`. `choices` are not supported.
    """

    description = _("Category filter")
    default_error_messages = {"invalid": _("“%(value)s” is not a valid category filter.")}
    descriptor_class = _FilterAttribute

    if TYPE_CHECKING:  # what the mypy plugin of django-stubs reads
        _pyi_private_set_type: CategoryFilter | str | Combinable
        _pyi_private_get_type: CategoryFilter
        _pyi_lookup_exact_type: CategoryFilter | str

    @overload
    def __init__(
        self: CategoryFilterField[CategoryFilter | str | Combinable, CategoryFilter],
        *args: Any,
        null: Literal[False] = False,
        categories: Categories | None = None,
        db_collation: str | None = None,
        **options: Any,
    ) -> None: ...
    @overload
    def __init__(
        self: CategoryFilterField[CategoryFilter | str | Combinable | None, CategoryFilter | None],
        *args: Any,
        null: Literal[True],
        categories: Categories | None = None,
        db_collation: str | None = None,
        **options: Any,
    ) -> None: ...
    def __init__(
        self,
        *args: Any,
        categories: Categories | None = None,
        db_collation: str | None = None,
        **options: Any,
    ) -> None:
        if not (options.get("null") or "db_default" in options):
            options.setdefault("default", "*")
        super().__init__(*args, **options)
        self.categories = categories
        self.db_collation = db_collation

    @cached_property
    def validators(self) -> list[Callable[..., Any]]:
        """The validators. Length validators measure the canonical form."""
        return of_canonical_form(super().validators)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Return the arguments for a migration: defaults as strings, and no known set."""
        name, path, args, options = super().deconstruct()
        for option in ("default", "db_default"):
            if isinstance(options.get(option), CategoryFilter):
                options[option] = str(options[option])
        if self.db_collation is not None:
            options["db_collation"] = self.db_collation
        return name, path, args, options

    def get_internal_type(self) -> str:
        """Return a name of its own, by which packages such as django-ninja recognize the field."""
        return "CategoryFilterField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return self._column().db_type(connection)

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return self._column().cast_db_type(connection)

    def _column(self) -> models.Field[Any, Any]:
        if self.max_length is None:
            return models.TextField()
        return models.CharField(max_length=self.max_length)

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Return the type of the column, with a case-sensitive collation."""
        collation = "ascii_bin" if connection.vendor == "mysql" else None
        return {**super().db_parameters(connection), "collation": self.db_collation or collation}

    def from_db_value(
        self, value: str | None, expression: object, connection: BaseDatabaseWrapper
    ) -> CategoryFilter | None:
        return None if value is None else CategoryFilter(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(CategoryFilter(value))

    def to_python(self, value: Any) -> CategoryFilter | None:
        """Return the value as a filter.

        Raises:
            ValidationError: If it is not a valid filter.
        """
        if value is None:
            return None
        try:
            return CategoryFilter(value)
        except CategoryFilterError as error:
            raise validation_error(error, self.error_messages) from error
        except TypeError:
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"value": value}
            ) from None

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Validate the length and the names. Names already stored in the row stay valid.

        Raises:
            ValidationError: If the filter is too long or lists unknown names.
        """
        super().validate(value, model_instance)
        if value is None:
            return
        self.check_length(value)
        if self.categories is not None and self.categories.unknown(value):
            try:
                parse(value, self.categories, stored=self._stored_filter(model_instance))
            except CategoryFilterError as error:
                raise validation_error(error, self.error_messages) from error

    def check_length(self, f: CategoryFilter) -> None:
        """Raise an error if the canonical form does not fit the column.

        Raises:
            ValidationError: If it is longer than `max_length`.
        """
        if self.max_length is not None:
            MaxLengthValidator(self.max_length)(str(f))

    def _stored_filter(self, instance: models.Model | None) -> CategoryFilter | None:
        if instance is None or instance._state.adding:  # noqa: SLF001 - public, see Django's docs
            return None
        database = router.db_for_read(type(instance), instance=instance)
        rows = type(instance)._base_manager.using(database).filter(pk=instance.pk)  # noqa: SLF001 - public, see Django's docs
        return rows.values_list(self.attname, flat=True).first()

    def formfield(self, **options: Any) -> forms.Field | None:
        """Return a form field with the same known set."""
        if issubclass(options.setdefault("form_class", FormField), FormField):
            options.setdefault("categories", self.categories)
        return super().formfield(**options)

    def check(self, **options: Any) -> list[checks.CheckMessage]:
        return [
            *super().check(**options),
            *self._check_blank_requires_null(),
            *self._check_default_values(),
            *self._check_choices_unsupported(),
            *self._check_app_installed(),
        ]

    def _check_blank_requires_null(self) -> Iterator[checks.CheckMessage]:
        if self.blank and not self.null:
            yield checks.Error(
                "blank=True requires null=True.",
                hint="Set null=True to store blank values as null, or remove blank=True.",
                obj=self,
                id="category_filter.E001",
            )

    def _check_default_values(self) -> Iterator[checks.CheckMessage]:
        for default in (self.default, self.db_default):
            if isinstance(default, str | CategoryFilter):
                try:
                    self.check_length(parse(default, self.categories))
                except CategoryFilterError as error:
                    yield self._invalid_default(error.summary())
                except ValidationError as error:
                    yield self._invalid_default(" ".join(error.messages))

    def _invalid_default(self, hint: str) -> checks.Error:
        return checks.Error(
            "The default is invalid.", hint=hint, obj=self, id="category_filter.E002"
        )

    def _check_choices_unsupported(self) -> Iterator[checks.CheckMessage]:
        if self.choices:
            yield checks.Error(
                "'choices' is not supported.",
                hint="Pass the known categories as 'categories'.",
                obj=self,
                id="category_filter.E004",
            )

    def _check_app_installed(self) -> Iterator[checks.CheckMessage]:
        if not apps.is_installed("category_filter.integrations.django"):
            yield checks.Error(
                "The widget's template and translations are not installed.",
                hint="Add 'category_filter.integrations.django' to INSTALLED_APPS.",
                obj=self,
                id="category_filter.E003",
            )


CategoryFilterField.register_lookup(Allows)
