"""A django-ninja application, deployed again after a category was retired."""

from typing import Annotated

import pytest
from django_site.models import KNOWN, Subscription
from ninja import NinjaAPI, Schema
from ninja.testing import TestClient

from category_filter import Categories, CategoryFilter

AFTER = Categories([name for name in KNOWN if name != "ads"])


def application(known):
    known_filter = Annotated[CategoryFilter, known]

    class Body(Schema):
        wanted: known_filter = CategoryFilter("*")
        maybe: known_filter | None = None

    api = NinjaAPI(urls_namespace=f"{len(known)} categories")

    @api.post("/", response=Body)
    def create(request, data: Body):  # noqa: ARG001 - Ninja passes the request
        return Subscription.objects.create(**dict(data))

    @api.get("/", response=list[Body])
    def read(request):  # noqa: ARG001 - Ninja passes the request
        return Subscription.objects.order_by("pk")

    return TestClient(api)


@pytest.mark.django_db
def test_stored_filters_are_read_as_they_are_and_new_ones_are_validated():
    before, after = application(KNOWN), application(AFTER)
    for body in ({"wanted": "ads, news"}, {"maybe": "-ads"}):
        assert before.post("/", json=body).status_code == 200
    assert after.get("/").json() == [
        {"wanted": "ads,news", "maybe": None},
        {"wanted": "*", "maybe": "-ads"},
    ]
    refused = after.post("/", json={"wanted": "news, ads"})
    (error,) = refused.json()["detail"]
    assert (refused.status_code, error["loc"]) == (422, ["body", "data", "wanted"])
    assert error["msg"] == "unknown category 'ads'"
