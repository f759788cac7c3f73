"""What two answers must have in common: status, content type, and the shape of the body."""

import http.client
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

_IN_UNIT = re.compile(r"\[(Ki|Mi|Gi|Ti|Pi)?(B|ms)?(/s)?\]")
_BEFORE_NAME = re.compile(r"(?:(?<=_)|^)(Ki|Mi|Gi|Ti|Pi)(?=[A-Z])")
_INTERFACE = re.compile(r"^[^_]+(?=_(received|transmitted)_)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_TOKEN = re.compile(r"[?&]token=[^&]*")
_TIME = re.compile(r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d")


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    content_type: str
    text: str
    headers: dict[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.text)


def fetch(
    port: int,
    path: str,
    *,
    token: str | None = None,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    **query: Any,
) -> Reply:
    """Ask with a connection of its own, as curl does."""
    if token is not None:
        query["token"] = token
    if query:
        path += ("&" if "?" in path else "?") + urlencode(query)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        found = {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()
    return Reply(answer.status, found.get("content-type", ""), text, found)


def shape_of(reply: Reply) -> Any:
    """Return what stays of an answer when values, units and names of devices are taken away."""
    if reply.content_type != "application/json":
        return [
            "text",
            reply.content_type,
            _NUMBER.sub("#", reply.text) if reply.status == 401 else "",
        ]
    body = reply.body
    if isinstance(body, list) and body and isinstance(body[0], dict) and "isOptional" in body[0]:
        return {link["link"]: _link(link) for link in body}
    return shape(body)


def shape(value: Any) -> Any:
    match value:
        case dict():
            by_key = {_key(key): shape(each) for key, each in sorted(value.items())}
            return by_key | {key: "path" for key in by_key if key == "API_path"}
        case list():
            return _distinct([shape(each) for each in value])
        case bool() | None:
            return str(value)
        case int() | float():
            return "number"
        case _:
            return _text(str(value))


def _distinct(shapes: list[Any]) -> list[Any]:
    by_form = {json.dumps(each, sort_keys=True): each for each in shapes}
    return ["list", *(by_form[form] for form in sorted(by_form))]


def _link(link: dict[str, Any]) -> dict[str, Any]:
    names = sorted(each.get("name", "") for each in link["parameters"])
    return {"keys": sorted(link), "isOptional": link["isOptional"], "parameters": names}


def _key(key: str) -> str:
    """Return a key without the prefix that comes with the value: "used[GiB]", "KiBytes/s"."""
    key = _INTERFACE.sub("IF", key)
    key = _IN_UNIT.sub(r"[\2\3]", key)
    return _BEFORE_NAME.sub("", key)


def _text(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return "number in a text"
    if _TIME.fullmatch(text):
        return "time"
    if text.startswith("/v1/"):
        return _NUMBER.sub("#", _TOKEN.sub("", text))  # the real one shows tasks with their tokens
    return "text"
