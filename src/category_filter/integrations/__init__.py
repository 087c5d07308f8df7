"""Filters in frameworks: a module for each, with an extra of the same name.

None of them is imported by the core. Pydantic, and with it FastAPI and pydantic-settings, needs
no import at all: `CategoryFilter` and `Annotated[CategoryFilter, known]` are enough.
"""
