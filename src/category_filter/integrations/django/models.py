"""The model field: canonical text in the database, a filter in Python."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core import checks
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models, router
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.integrations._validation import parse
from category_filter.integrations.django.errors import validation_error
from category_filter.integrations.django.forms import CategoryFilterField as FilterFormField
from category_filter.integrations.django.lookups import Allows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.forms import Field as FormField

    Field = models.Field[CategoryFilter | str, CategoryFilter]
else:
    Field = models.Field

__all__ = ["CategoryFilterField"]


class _FilterAttribute(DeferredAttribute):
    """Makes a filter of a text that is assigned; one that is none is left for validation."""

    def __set__(self, instance: models.Model, value: Any) -> None:  # noqa: ANN401 - anything may be
        if isinstance(value, str):
            with suppress(CategoryFilterError):
                value = CategoryFilter(value)
        vars(instance)[self.field.attname] = value


class CategoryFilterField(Field):
    """A column of filters.

        class Subscription(models.Model):
            wanted = CategoryFilterField(categories=NAVIXY)

        Subscription.objects.filter(wanted__allows="chat_message")

    The default is `*`, every category; with `null=True` it is None, which is no filter.

    Labels are translated where they are shown, if the project's catalogs have them.

    Args:
        categories: The known set, if what people choose is to be checked. It is in no migration,
            so that it may grow. What a row lists already may stay, though retired since.
        max_length: Of the canonical text, in characters; without it the column has no limit but
            that of the language.
        **options: What every field takes, but no `choices`.
    """

    description = _("A filter of categories")
    default_error_messages = {"invalid": _("“%(value)s” is not a filter.")}
    descriptor_class = _FilterAttribute

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - passed on
        categories: Categories | None = None,
        **options: Any,  # noqa: ANN401 - passed on
    ) -> None:
        if not (options.get("null") or "db_default" in options):
            options.setdefault("default", "*")
        super().__init__(*args, **options)
        self.categories = categories

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """What a migration writes down: a default as text, and no known set."""
        name, path, args, options = super().deconstruct()
        for option in ("default", "db_default"):
            if isinstance(options.get(option), CategoryFilter):
                options[option] = str(options[option])
        return name, path, args, options

    def get_internal_type(self) -> str:
        """The kind of column: one without a limit, unless there is one."""
        return "TextField" if self.max_length is None else "CharField"

    def from_db_value(
        self,
        value: str | None,
        expression: object,  # noqa: ARG002 - Django passes it
        connection: BaseDatabaseWrapper,  # noqa: ARG002 - likewise
    ) -> CategoryFilter | None:
        """The filter that is stored, whether or not its names are still known."""
        return None if value is None else CategoryFilter(value)

    def get_prep_value(self, value: Any) -> str | None:  # noqa: ANN401 - anything may be assigned
        """The canonical text."""
        return None if value is None else str(CategoryFilter(value))

    def to_python(self, value: Any) -> CategoryFilter | None:  # noqa: ANN401 - likewise
        """The filter of a value from a fixture or an unsaved model.

        Raises:
            ValidationError: It is none.
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

    def validate(self, value: Any, model_instance: models.Model | None) -> None:  # noqa: ANN401 - likewise
        """Check the length and the names; those that the row lists in the database may stay.

        Raises:
            ValidationError: As `validation_error` makes it.
        """
        super().validate(value, model_instance)
        if value is None:
            return
        self.check_length(value)
        if self.categories is not None and self.categories.unknown(value):
            try:
                parse(value, self.categories, stored=self._stored(model_instance))
            except CategoryFilterError as error:
                raise validation_error(error, self.error_messages) from error

    def check_length(self, f: CategoryFilter) -> None:
        """Check that the canonical text fits into the column.

        Raises:
            ValidationError: It is longer than `max_length`.
        """
        if self.max_length is not None:
            MaxLengthValidator(self.max_length)(str(f))

    def _stored(self, instance: models.Model | None) -> CategoryFilter | None:
        if instance is None or instance._state.adding:  # noqa: SLF001 - documented, for all its name
            return None
        database = router.db_for_read(type(instance), instance=instance)
        rows = type(instance)._base_manager.using(database).filter(pk=instance.pk)  # noqa: SLF001 - likewise
        return rows.values_list(self.attname, flat=True).first()

    def formfield(self, **options: Any) -> FormField | None:  # noqa: ANN401 - passed on
        """A form field with the same known set."""
        if issubclass(options.setdefault("form_class", FilterFormField), FilterFormField):
            options.setdefault("categories", self.categories)
        return super().formfield(**options)

    def check(self, **options: Any) -> list[checks.CheckMessage]:  # noqa: ANN401 - passed on
        """What would go wrong later, told when Django starts."""
        return [*super().check(**options), *self._mistakes()]

    def _mistakes(self) -> Iterator[checks.CheckMessage]:
        if self.blank and not self.null:
            yield checks.Error(
                "The field may be left blank, but null, which that is stored as, is not allowed.",
                hint="Add null=True, or drop blank=True: the default is “*”, every category.",
                obj=self,
                id="category_filter.E001",
            )
        for default in (self.default, self.db_default):
            if isinstance(default, str | CategoryFilter):
                try:
                    self.check_length(parse(default, self.categories))
                except CategoryFilterError as error:
                    yield self._bad_default(error.summary())
                except ValidationError as error:
                    yield self._bad_default(" ".join(error.messages))
        if self.choices:
            yield checks.Error(
                "Choices are not supported.",
                hint="Give the known categories by `categories`.",
                obj=self,
                id="category_filter.E004",
            )
        if not apps.is_installed("category_filter.integrations.django"):
            yield checks.Error(
                "The widget's template, style and translations cannot be found.",
                hint="Add 'category_filter.integrations.django' to INSTALLED_APPS.",
                obj=self,
                id="category_filter.E003",
            )

    def _bad_default(self, hint: str) -> checks.Error:
        return checks.Error(
            "The default is refused.", hint=hint, obj=self, id="category_filter.E002"
        )


CategoryFilterField.register_lookup(Allows)
