"""Checks samples cheaply (the store judges every line later), then publishes them as one message."""

from fastapi import HTTPException
from pilothouse_common.broker.port import Publisher
from pilothouse_common.contract.message import SAMPLES_CONTENT_TYPE, Message
from pilothouse_common.contract.samples import (
    Point,
    check_cluster,
    check_hostname,
    parse_line,
    samples_message,
)
from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.contract.topology import Exchange
from pilothouse_common.errors import Forbidden, Malformed

from pilothouse_api.access.caller import Caller
from pilothouse_api.bodies import RawBody

MEDIA_TYPES = ("text/plain", "application/octet-stream", "")


def accept_samples(
    caller: Caller,
    body: RawBody,
    publisher: Publisher,
    *,
    cluster: str | None,
    hostname: str | None,
) -> None:
    """Publish the line protocol of one request.

    The routing key is cluster and hostname of the query, else of the token, else of the first line.

    Raises:
        Malformed: Not line protocol as far as looked, or nobody said which node.
        Forbidden: About something that the token is not for.
        BrokerUnavailable: The broker has not taken it; the same request may be sent again.
    """
    if body.media_type not in MEDIA_TYPES:
        raise HTTPException(415, "Content-Type: send text/plain (line protocol)")
    text = body.unpacked()
    first = _first_point(text)
    cluster = cluster or caller.restriction.cluster or first.tags.get("cluster", "")
    key = f"{check_cluster(cluster)}.{check_hostname(hostname or first.tags.get('hostname', ''))}"
    _check_restriction(caller.restriction, cluster, text)
    if body.packed and text.endswith(b"\n"):
        # as it came: nothing is packed twice
        message = Message(Exchange.SAMPLES, key, body.data, SAMPLES_CONTENT_TYPE, "gzip")
    else:
        message = samples_message(key, text if text.endswith(b"\n") else text + b"\n")
    publisher.publish([message])


def _first_point(text: bytes) -> Point:
    for line in text.split(b"\n", 100):
        if line.strip() and not line.startswith(b"#"):
            return parse_line(_decode(line[:65_536]))
    raise Malformed(
        "body: no samples; send lines like `cpu_load,hostname=n001 value=1.5 1700000000`"
    )


def _check_restriction(restriction: Restriction, cluster: str, text: bytes) -> None:
    """Every line counts when the token is restricted: a foreign one could hide behind the first."""
    if restriction == Restriction():
        return
    if restriction.user or restriction.account or restriction.run_id:
        raise Forbidden("samples belong to no user, account or run, which the token is for")
    if restriction.cluster not in (None, cluster):
        raise Forbidden(f"the token is for cluster {restriction.cluster!r}, not {cluster!r}")
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        tags = parse_line(_decode(line)).tags
        if restriction.cluster is not None and tags.get("cluster") != restriction.cluster:
            raise Forbidden(f"line {number}: not of cluster {restriction.cluster!r}")
        if restriction.job_id is not None and tags.get("jobid") != str(restriction.job_id):
            raise Forbidden(f"line {number}: not of job {restriction.job_id}")


def _decode(line: bytes) -> str:
    try:
        return line.decode().rstrip("\r")
    except UnicodeDecodeError as exc:
        raise Malformed(f"body: not UTF-8: {exc}") from exc
