"""A Schemathesis hook that binds a token before each delete, which would fail without one."""

import schemathesis
from servers import HASH, http_client

http = http_client()


@schemathesis.hook
def before_call(context, case, kwargs):  # noqa: ARG001 - Schemathesis passes them
    if case.operation.path.endswith("/delete"):
        http.post(
            f"{case.operation.base_url}/user/session/push_token/bind".replace("//user", "/user"),
            headers={"Authorization": f"NVX {HASH}"},
            data={"application": "navixy_iphone_viewer", "token": "740f4707"},
        )
