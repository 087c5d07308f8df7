"""What the service is measured against: a FastAPI application that does no more than write one row.

python benchmarks/bare_service.py URL    prints its address, and serves
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert

from category_filter.service import connect
from category_filter.service.server import LIMITS

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
    """What is written."""

    application: str
    token: str
    category_filter: str


@app.post("/in-a-thread")
def in_a_thread(binding: Binding) -> dict[str, bool]:
    """Write a row as FastAPI's own tutorial does, in one of its threads."""
    with engine.connect() as connection:
        connection.execute(insert(rows).values(binding.model_dump()))
    return {"success": True}


@app.post("/in-the-loop")
async def in_the_loop(binding: Binding) -> dict[str, bool]:
    """Write a row while all other requests wait, which no service should do."""
    return in_a_thread(binding)


uvicorn.run(app, port=0, access_log=False, **LIMITS)
