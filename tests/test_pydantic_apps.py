"""Applications that store filters, deployed again after a category was retired.

Each runs on a separate database: first with `ads` in the known set, later without it.
"""

from typing import Annotated

import litestar
import pytest
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from litestar import Litestar
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import Body
from litestar.plugins import OpenAPISchemaPlugin
from litestar.testing import TestClient as LitestarClient
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from category_filter import Categories, CategoryFilter
from category_filter.integrations.sqlalchemy import CategoryFilterType

BEFORE = Categories(["news", "sport", "ads"])
AFTER = Categories(["news", "sport"])


class Base(DeclarativeBase):
    type_annotation_map = {CategoryFilter: CategoryFilterType}


class Row(Base):
    __tablename__ = "subscription"

    id: Mapped[int] = mapped_column(primary_key=True)
    wanted: Mapped[CategoryFilter]
    muted: Mapped[CategoryFilter | None]


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/subscriptions.db")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def models(known):
    known_filter = Annotated[CategoryFilter, known]

    class Subscription(BaseModel):
        model_config = ConfigDict(from_attributes=True)

        wanted: known_filter = CategoryFilter("*")
        muted: known_filter | None = None

    class Stored(Subscription):
        id: int

    return Subscription, Stored


def fastapi_app(known, engine):
    subscription_model, stored_model = models(known)
    app = FastAPI()

    @app.post("/subscriptions", status_code=201)
    def create(subscription: subscription_model) -> stored_model:
        with Session(engine) as session:
            row = Row(**dict(subscription))
            session.add(row)
            session.commit()
            return stored_model.model_validate(row)

    @app.get("/subscriptions")
    def read() -> list[stored_model]:
        with Session(engine) as session:
            return session.scalars(select(Row)).all()

    @app.patch("/subscriptions/{key}", response_model=stored_model)
    async def change(key: int, request: Request):
        with Session(engine, expire_on_commit=False) as session:
            row = session.get(Row, key)
            if row is None:
                raise HTTPException(404)
            context = {"stored_filter": {"wanted": row.wanted, "muted": row.muted}}
            try:
                body = await request.body()
                changed = subscription_model.model_validate_json(body, context=context)
            except ValidationError as error:
                raise RequestValidationError(error.errors()) from error
            for name in changed.model_fields_set:
                setattr(row, name, getattr(changed, name))
            session.commit()
            return row

    return app


class TestFastAPI:
    @pytest.fixture
    def after(self, engine):
        """The client of the application without `ads`, on a database with it."""
        before = TestClient(fastapi_app(BEFORE, engine))
        for body in ({"wanted": "ads, news"}, {"muted": "-ads"}):
            assert before.post("/subscriptions", json=body).status_code == 201
        return TestClient(fastapi_app(AFTER, engine))

    def test_stored_filters_are_read_as_they_are(self, after):
        assert after.get("/subscriptions").json() == [
            {"id": 1, "wanted": "ads,news", "muted": None},
            {"id": 2, "wanted": "*", "muted": "-ads"},
        ]

    def test_a_new_filter_cannot_list_the_retired_category(self, after):
        response = after.post("/subscriptions", json={"wanted": "ads"})
        (error,) = response.json()["detail"]
        assert (response.status_code, error["loc"]) == (422, ["body", "wanted"])
        assert error["ctx"]["unknown"] == [{"name": "ads", "position": 0, "suggestions": []}]

    def test_a_stored_filter_can_be_changed_without_dropping_it(self, after):
        changed = after.patch("/subscriptions/1", json={"wanted": "ads, sport"})
        assert changed.json() == {"id": 1, "wanted": "ads,sport", "muted": None}

    def test_only_the_field_that_lists_it_may_keep_it(self, after):
        response = after.patch("/subscriptions/1", json={"wanted": "ads", "muted": "ads"})
        assert response.status_code == 422
        assert [error["loc"] for error in response.json()["detail"]] == [["muted"]]

    def test_responses_have_the_shape_that_the_document_describes(self, after):
        document = after.get("/openapi.json").json()
        schema = document["paths"]["/subscriptions"]["get"]["responses"]["200"]["content"]
        described = Draft202012Validator(
            {**schema["application/json"]["schema"], "components": document["components"]}
        )
        described.validate(after.get("/subscriptions").json())

    def test_query_constraints_apply_to_the_string(self):
        app = FastAPI()
        safe = AfterValidator(lambda f: f | CategoryFilter.only("security"))

        @app.get("/")
        def canonical(
            short: Annotated[CategoryFilter, Query(max_length=5)] = CategoryFilter("*"),
            known: Annotated[CategoryFilter, AFTER, Query(pattern="^n"), safe] = "",
            many: Annotated[list[Annotated[CategoryFilter, AFTER]], Query(max_length=1)] = (),
            field: Annotated[CategoryFilter | None, Field(min_length=3)] = None,
        ) -> list[CategoryFilter | None]:
            return [short, known or None, *many, field]

        client = TestClient(app)
        assert client.get("/?short=sport&known=news&many=news&field=-ads").json() == [
            "sport",
            "news,security",
            "news",
            "-ads",
        ]
        assert client.get("/").json() == ["*", None, None]
        for query in ("short=sports", "known=sport", "many=news&many=news", "field=-a"):
            assert client.get(f"/?{query}").status_code == 422, query

    def test_a_known_set_for_another_type_is_refused_when_the_route_is_defined(self):
        app = FastAPI()
        with pytest.raises(TypeError, match="no filter to validate in int"):

            @app.get("/")
            def read(wanted: Annotated[int, AFTER]) -> int: ...


class FilterSchema(OpenAPISchemaPlugin):
    @staticmethod
    def is_plugin_supported_type(value):
        return value is CategoryFilter

    def to_openapi_schema(self, **_):
        return Schema(type=OpenAPIType.STRING)


def litestar_app(known, engine):
    subscription_model, stored_model = models(known)

    @litestar.post("/subscriptions", sync_to_thread=False)
    def create(data: Annotated[subscription_model, Body()]) -> stored_model:
        with Session(engine) as session:
            row = Row(**dict(data))
            session.add(row)
            session.commit()
            return stored_model.model_validate(row)

    @litestar.get("/subscriptions", sync_to_thread=False)
    def read() -> list[stored_model]:
        with Session(engine) as session:
            return [stored_model.model_validate(row) for row in session.scalars(select(Row))]

    return Litestar(
        [create, read],
        type_encoders={CategoryFilter: str},
        plugins=[FilterSchema()],
        logging_config=None,
    )


def test_litestar(engine):
    with LitestarClient(litestar_app(BEFORE, engine)) as before:
        assert before.post("/subscriptions", json={"wanted": "- ads"}).json() == {
            "id": 1,
            "wanted": "-ads",
            "muted": None,
        }
    with LitestarClient(litestar_app(AFTER, engine)) as after:
        stored = after.get("/subscriptions").json()
        assert stored == [{"id": 1, "wanted": "-ads", "muted": None}]
        refused = after.post("/subscriptions", json={"wanted": "-ads"})
        assert refused.status_code == 400
        assert refused.json()["extra"] == [{"message": "unknown category 'ads'", "key": "wanted"}]
        document = after.get("/schema/openapi.json").json()
        assert document["components"]["schemas"]["models.Subscription"]["properties"] == {
            "wanted": {"type": "string", "default": "*"},
            "muted": {"oneOf": [{"type": "string"}, {"type": "null"}]},
        }
