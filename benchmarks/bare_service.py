"""The baseline for the service: a FastAPI application that only inserts one row.

python benchmarks/bare_service.py URL    print the address, and serve
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert

from category_filter.service import connect
from category_filter.service.server import UVICORN_OPTIONS

engine = connect(sys.argv[1])
rows = Table(
    "bare",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("application", Text),
    Column("token", Text),
    Column("category_filter", Text),
)
rows.create(engine, checkfirst=True)
app = FastAPI()


class Binding(BaseModel):
    """The row to insert."""

    application: str
    token: str
    category_filter: str


@app.post("/in-a-thread")
def in_a_thread(binding: Binding) -> dict[str, bool]:
    """Insert a row in one of FastAPI's threads, as its tutorial does."""
    with engine.connect() as connection:
        connection.execute(insert(rows).values(binding.model_dump()))
    return {"success": True}


@app.post("/in-the-loop")
async def in_the_loop(binding: Binding) -> dict[str, bool]:
    """Insert a row in the event loop, which blocks all other requests meanwhile."""
    return in_a_thread(binding)


uvicorn.run(app, port=0, access_log=False, **UVICORN_OPTIONS)
