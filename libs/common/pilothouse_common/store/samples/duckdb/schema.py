"""Tables of the embedded store: a dictionary of series, and narrow points that refer to it.

A point is (series, second, value): 3 bytes on disk after DuckDB's compression. No index on points: it
would have to live in memory and cost more than the rest of a write; see writer.py for how a series
and a second stay unique all the same.
"""

from typing import NamedTuple

TABLES = """
CREATE TABLE IF NOT EXISTS series (
    series INTEGER PRIMARY KEY,
    cluster VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    hostname VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    type_id VARCHAR NOT NULL,
    stype_id VARCHAR NOT NULL,
    jobid VARCHAR NOT NULL,
    other VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS points (
    series INTEGER NOT NULL,
    time BIGINT NOT NULL,
    value DOUBLE NOT NULL
);
"""


class SeriesKey(NamedTuple):
    """What makes a series: the columns of its row. ``other`` holds tags that nothing here asks for."""

    cluster: str
    metric: str
    hostname: str
    type: str
    type_id: str
    stype_id: str
    jobid: str
    other: str


_KNOWN = ("cluster", "hostname", "type", "type-id", "stype-id", "jobid")


def series_key(name: str, tags: dict[str, str]) -> SeriesKey:
    """Return the key of a parsed line."""
    cluster, hostname, type_, type_id, stype_id, jobid = (tags.get(tag, "") for tag in _KNOWN)
    other = ",".join(f"{tag}={tags[tag]}" for tag in sorted(tags) if tag not in _KNOWN)
    return SeriesKey(cluster, name, hostname, type_, type_id, stype_id, jobid, other)
