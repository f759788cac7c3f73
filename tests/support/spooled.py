"""Reads the events that something under test put into a spool directory."""

from pathlib import Path
from typing import Any

from pilothouse_common.broker.spool_format import decode_file
from pilothouse_common.contract.events import Event, JobEvent, JobNodeEvent, decode_event

from tests.support.process import eventually


class SpooledEvents:
    """The events of a spool that nobody drains, by job and type, in the order of their files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def all(self) -> list[Event]:
        files = sorted((self.directory / "events").glob("[!.]*.msg"))
        return [decode_event(decode_file(file.read_bytes()).body) for file in files]

    def of(self, job_id: int, event_type: str) -> list[Event]:
        return [
            event
            for event in self.all()
            if event.type == event_type
            and isinstance(event.data, JobEvent | JobNodeEvent)
            and event.data.job_id == job_id
        ]

    def wait(
        self, job_id: int, event_type: str, count: int = 1, *, within: float = 20
    ) -> list[Any]:
        """Return the data of a job's events of a type once there are ``count`` of them."""

        def enough() -> list[Event]:
            found = self.of(job_id, event_type)
            assert len(found) >= count, [event.type for event in self.all()]
            return found

        return [event.data for event in eventually(enough, within=within)]
