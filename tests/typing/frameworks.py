"""Type-checked, never run: typical uses of the integrations."""

from typing import Annotated, assert_type

import click
from django.db import models
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from category_filter import CategoryFilter
from category_filter.integrations.click import CategoryFilterParamType
from category_filter.integrations.django.forms import CategoryFilterField as FormField
from category_filter.integrations.django.models import CategoryFilterField as ModelField
from category_filter.integrations.marshmallow import CategoryFilterField as SchemaField
from category_filter.integrations.sqlalchemy import CategoryFilterType
from category_filter.integrations.wtforms import CategoryFilterField as InputField
from category_filter.navixy import CATEGORIES

NavixyFilter = Annotated[CategoryFilter, CATEGORIES]


class Body(BaseModel):
    wanted: NavixyFilter = CategoryFilter("*")
    maybe: NavixyFilter | None = None


assert_type(Body().wanted, CategoryFilter)
assert_type(Body().maybe, CategoryFilter | None)


class Base(MappedAsDataclass, DeclarativeBase):
    type_annotation_map = {CategoryFilter: CategoryFilterType}


class Row(Base):
    __tablename__ = "row"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    wanted: Mapped[NavixyFilter]
    other: Mapped[CategoryFilter | None] = mapped_column(CategoryFilterType(CATEGORIES))


def rows(row: Row) -> None:
    assert_type(row.wanted, CategoryFilter)
    assert_type(row.other, CategoryFilter | None)
    select(Row.id).where(Row.wanted.allows("news"))


@click.command
@click.option("--wanted", type=CategoryFilterParamType(CATEGORIES))
def command(wanted: CategoryFilter) -> None: ...


class Model(models.Model):  # noqa: DJ008 - never shown
    wanted = ModelField("notifications", categories=CATEGORIES, default=CategoryFilter("-*"))
    maybe = ModelField(categories=CATEGORIES, null=True, blank=True, max_length=100)


def assign(row: Model) -> None:
    assert_type(row.wanted, CategoryFilter)
    assert_type(row.maybe, CategoryFilter | None)
    row.wanted = "news"
    row.wanted = CategoryFilter("news")
    row.wanted = models.F("maybe")
    row.maybe = None
    row.maybe = "-news"
    row.wanted = None  # type: ignore[assignment]


FormField(categories=CATEGORIES, required=False)
SchemaField(CATEGORIES, load_default=CategoryFilter("*"))
InputField("Notifications", categories=CATEGORIES)
