"""Framework integrations: one module per framework, with an extra of the same name.

The core imports none of them. Pydantic, FastAPI and pydantic-settings need no import: annotate
with `CategoryFilter` or `Annotated[CategoryFilter, categories]`.
"""
