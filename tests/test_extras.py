"""Without its extra, a module names what to install. `.ci/extras` installs each of them alone."""

import subprocess
import sys

import pytest
from processes import UNMEASURED


@pytest.mark.parametrize(
    ("extra", "module", "package"),
    [
        ("batch", "batch", "narwhals"),
        ("click", "integrations.click", "click"),
        ("django", "integrations.django.models", "django"),
        ("marshmallow", "integrations.marshmallow", "marshmallow"),
        ("service", "service; category_filter.service.PushService", "fastapi"),
        ("service", "service", "sqlalchemy"),
        ("sqlalchemy", "integrations.sqlalchemy", "sqlalchemy"),
        ("wtforms", "integrations.wtforms", "wtforms"),
    ],
)
def test_a_missing_package_names_the_extra(extra, module, package):
    code = f"import sys; sys.modules[{package!r}] = None; import category_filter.{module}"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=UNMEASURED,
        capture_output=True,
        text=True,
        check=False,
    )
    *_, last = result.stderr.splitlines()
    assert last.startswith(f"ModuleNotFoundError: {package}")
    assert last.endswith(f" is missing: pip install 'category-filter[{extra}]'")
