"""The recipes of the guide, for frameworks without a module of their own."""

import asyncio
from typing import Annotated

import apiflask
import attrs
import cattrs
import msgspec
import pytest
import sqlmodel
import strawberry
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from litestar import Litestar, get, post
from litestar.params import Body, FromQuery
from litestar.testing import TestClient
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from strawberry.schema.config import StrawberryConfig

from category_filter import Categories, CategoryFilter, CategoryFilterError, UnknownCategoryError
from category_filter.integrations.marshmallow import CategoryFilterField
from category_filter.integrations.sqlalchemy import CategoryFilterType

KNOWN = Categories({"news": "News", "sport": "Results", "ads": "Offers"})
RETIRED = CategoryFilter("-retired")
MESSAGE = "unknown category 'sprot' (did you mean 'sport'?)"


def parse(text):
    try:
        return KNOWN.parse(text)
    except CategoryFilterError as error:
        raise ValueError(error.summary()) from error


def decode(type_, value):
    return parse(value) if type_ is CategoryFilter else value


class Message(msgspec.Struct):
    wanted: CategoryFilter = CategoryFilter("*")
    maybe: CategoryFilter | None = None


class StoredWatch(sqlmodel.SQLModel, table=True):
    id: int | None = sqlmodel.Field(default=None, primary_key=True)
    wanted: Annotated[CategoryFilter, KNOWN] = sqlmodel.Field(
        default=CategoryFilter("*"), sa_type=CategoryFilterType(KNOWN)
    )


class FlaskBase(DeclarativeBase): ...


database = SQLAlchemy(model_class=FlaskBase)


class Phone(database.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    wanted: Mapped[CategoryFilter] = mapped_column(CategoryFilterType(KNOWN))


class SubscriptionBody(apiflask.Schema):
    wanted = CategoryFilterField(KNOWN, load_default=CategoryFilter("*"))
    maybe = CategoryFilterField(KNOWN, allow_none=True, metadata={"description": "or null"})


def test_cattrs_shows_the_message_in_one_line():
    @attrs.define
    class Device:
        wanted: CategoryFilter

    converter = cattrs.Converter()
    converter.register_structure_hook(CategoryFilter, lambda text, _: parse(text))
    converter.register_unstructure_hook(CategoryFilter, str)
    device = converter.structure({"wanted": "sport, news"}, Device)
    assert converter.unstructure(device) == {"wanted": "news,sport"}
    with pytest.raises(cattrs.ClassValidationError) as caught:
        converter.structure({"wanted": "sprot"}, Device)
    shown = cattrs.transform_error(caught.value, format_exception=lambda cause, _: str(cause))
    assert shown == [f"{MESSAGE} @ $.wanted"]


def test_msgspec_shows_the_message_in_one_line():
    message = msgspec.json.decode(b'{"wanted": "- ads"}', type=Message, dec_hook=decode)
    assert message == Message(CategoryFilter("-ads"))
    assert msgspec.json.encode(message, enc_hook=str) == b'{"wanted":"-ads","maybe":null}'
    assert msgspec.msgpack.decode(
        msgspec.msgpack.encode(message, enc_hook=str), type=Message, dec_hook=decode
    ) == Message(CategoryFilter("-ads"))
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"wanted": "sprot"}, Message, dec_hook=decode)
    assert str(caught.value) == f"{MESSAGE} - at `$.wanted`"


def test_litestar_decodes_structs_and_parameters():
    @post("/", sync_to_thread=False)
    def body(data: Annotated[Message, Body()]) -> Message:
        return data

    @get("/", sync_to_thread=False)
    def query(wanted: FromQuery[CategoryFilter]) -> CategoryFilter:
        return wanted

    app = Litestar(
        [body, query],
        type_encoders={CategoryFilter: str},
        type_decoders=[(lambda type_: type_ is CategoryFilter, decode)],
        logging_config=None,
    )
    with TestClient(app) as client:
        assert client.get("/?wanted=sport,news").json() == "news,sport"
        written = client.post("/", json={"wanted": "-ads"})
        assert written.json() == {"wanted": "-ads", "maybe": None}
        refused = [client.get("/?wanted=sprot"), client.post("/", json={"wanted": "sprot"})]
        assert [response.status_code for response in refused] == [400, 400]
        assert [response.json()["extra"][0]["message"] for response in refused] == [MESSAGE] * 2
        assert client.get("/schema/openapi.json").status_code == 200


def test_strawberry_parses_and_serializes_filters():
    @strawberry.type
    class Query:
        @strawberry.field
        def canonical(self, wanted: CategoryFilter | None = None) -> CategoryFilter | None:
            return wanted

    scalar = strawberry.scalar(name="CategoryFilter", serialize=str, parse_value=parse)
    config = StrawberryConfig(scalar_map={CategoryFilter: scalar})
    schema = strawberry.Schema(Query, config=config)
    for query, canonical in (
        ('{ canonical(wanted: "sport, news") }', "news,sport"),
        ("{ canonical(wanted: null) }", None),
    ):
        assert schema.execute_sync(query).data == {"canonical": canonical}
    (error,) = schema.execute_sync('{ canonical(wanted: "sprot") }').errors
    assert MESSAGE in error.message
    assert "scalar CategoryFilter" in schema.as_str()


def test_apiflask_validates_and_documents_the_field():
    app = apiflask.APIFlask("subscriptions")

    @app.post("/")
    @app.input(SubscriptionBody)
    @app.output(SubscriptionBody)
    def subscribe(json_data):
        return json_data

    client = app.test_client()
    assert client.post("/", json={"wanted": "sport, news"}).json == {"wanted": "news,sport"}
    refused = client.post("/", json={"wanted": "sprot"})
    assert (refused.status_code, refused.json["detail"]) == (422, {"json": {"wanted": [MESSAGE]}})
    document = client.get("/openapi.json").json
    (schema,) = document["components"]["schemas"].keys() - {"HTTPError", "ValidationError"}
    assert document["components"]["schemas"][schema]["properties"] == {
        "wanted": {"type": "string", "default": "*"},
        "maybe": {"type": ["string", "null"], "description": "or null"},
    }


def test_sqlmodel_stores_filters(tmp_path):
    engine = sqlmodel.create_engine(f"sqlite:///{tmp_path}/watches.db")
    sqlmodel.SQLModel.metadata.create_all(engine, [StoredWatch.__table__])
    with sqlmodel.Session(engine) as session:
        session.add_all([StoredWatch(wanted="- ads"), StoredWatch(wanted=RETIRED), StoredWatch()])
        session.commit()
        allowing = sqlmodel.select(StoredWatch).where(StoredWatch.wanted.allows("ads"))
        assert [str(watch.wanted) for watch in session.exec(allowing)] == ["-retired", "*"]
        stored = session.get(StoredWatch, 2)
        assert (
            StoredWatch.model_validate(stored).model_dump_json() == '{"id":2,"wanted":"-retired"}'
        )
        stored.wanted = KNOWN.parse("retired, news", stored=stored.wanted)
        session.commit()
        assert stored.wanted == CategoryFilter("news,retired")
    engine.dispose()
    with pytest.raises(UnknownCategoryError):
        StoredWatch(wanted="sprot")
    with pytest.raises(ValidationError, match="did you mean 'sport'"):
        StoredWatch.model_validate({"wanted": "sprot"})


def test_flask_sqlalchemy_stores_filters():
    app = Flask("phones")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    database.init_app(app)
    with app.app_context():
        database.create_all()
        database.session.add_all([Phone(wanted="- ads"), Phone(wanted=RETIRED)])
        database.session.commit()
        allowing = database.select(Phone.wanted).where(Phone.wanted.allows("ads"))
        assert database.session.scalars(allowing).all() == [RETIRED]
        with pytest.raises(UnknownCategoryError):
            Phone(wanted="sprot")
        engine = database.engine
    engine.dispose()


def test_an_async_session_stores_filters():
    class Base(DeclarativeBase): ...

    class Tablet(Base):
        __tablename__ = "tablet"
        id: Mapped[int] = mapped_column(primary_key=True)
        wanted: Mapped[CategoryFilter] = mapped_column(CategoryFilterType(KNOWN))

    async def allowing(category):
        engine = create_async_engine("sqlite+aiosqlite://")
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine, expire_on_commit=False) as session:
            tablets = [Tablet(wanted="- ads"), Tablet(wanted=RETIRED)]
            session.add_all(tablets)
            await session.commit()
            tablets[1].wanted = "-retired, sport"
            await session.commit()
            found = await session.scalars(
                select(Tablet.wanted).where(Tablet.wanted.allows(category))
            )
        await engine.dispose()
        return list(map(str, found))

    assert asyncio.run(allowing("ads")) == ["-retired,sport"]
    assert asyncio.run(allowing("sport")) == ["-ads"]
