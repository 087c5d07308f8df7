"""An HTTP client of the service, with the requests and responses that the tests share."""

import json

from servers import HASH, http_client

BIND = "/user/session/push_token/bind"
DELETE = "/user/session/push_token/delete"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

PHONE = {"application": "navixy_iphone_viewer", "token": "740f4707-phone"}
KEYS = {"p256dh": "BGEw-_p256dh", "auth": "c2VjcmV0LWF1dGg="}
BROWSER = {
    "application": "w3c_pushapi",
    "token": "https://fcm.googleapis.com/send/token-1",
    "parameters": KEYS,
    "category_filter": "- history_task ,history_rule",
}

SUCCESS = {"success": True}


def failure(code, description, errors=None):
    envelope = {"success": False, "status": {"code": code, "description": description}}
    return envelope | ({"errors": errors} if errors else {})


SESSION_NOT_FOUND = failure(4, "session not found or ended")
UNEXPECTED = failure(6, "unexpected error")
UNAVAILABLE = failure(14, "database unavailable")


def invalid(*errors):
    return failure(7, "invalid parameters", list(errors))


def parameter(name, message, **details):
    return {"parameter": name, "message": message} | details


def authorized(session_hash=HASH):
    return {"Authorization": f"NVX {session_hash}"}


def answer(response):
    """Return the status and the envelope of a response."""
    assert response.headers["content-type"] == "application/json"
    return response.status_code, response.json()


class PushClient:
    """A client of a `PushService` that runs in this process."""

    def __init__(self, service, address):
        self.service = service
        self.database = service.tokens._database
        self.http = http_client(base_url=address, timeout=30)

    def bind(self, **options):
        return self.http.post(BIND, **{"headers": authorized()} | options)

    def delete(self, **options):
        return self.http.get(DELETE, **{"headers": authorized()} | options)

    def stored(self):
        """Return the push tokens in the database."""
        with self.database.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT application, token, p256dh, auth, filter FROM push_token"
                " JOIN push_filter ON push_filter.id = filter_id ORDER BY session_id"
            )
            return [tuple(row) for row in rows]

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.http.close()


def as_json(values):
    return {"json": values}


def as_form(values):
    return {"data": _strings(values)}


def as_query(values):
    return {"params": _strings(values)}


def as_query_and_form(values):
    first, *others = _strings(values).items()
    return {"params": [first], "data": dict(others)}


def _strings(values):
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


ENCODINGS = [as_json, as_form, as_query, as_query_and_form]
