"""Everything that the handlers stand on, made once per gateway."""

from pilothouse_common.errors import PilothouseError, Transient

from pilothouse_api.access.caller import Caller
from pilothouse_api.compat.jumonc import metrics
from pilothouse_api.compat.jumonc.access import Access
from pilothouse_api.compat.jumonc.answers import Answers
from pilothouse_api.compat.jumonc.gauges import Sources
from pilothouse_api.compat.jumonc.links import Links, Measured
from pilothouse_api.compat.jumonc.nodes import Hosts
from pilothouse_api.compat.jumonc.options import JumoncOptions
from pilothouse_api.compat.jumonc.question import read_question
from pilothouse_api.compat.jumonc.scheduler import Scheduler
from pilothouse_api.compat.jumonc.timetable import Timetable
from pilothouse_api.compat.jumonc.totals import Totals
from pilothouse_api.compat.jumonc.values import Values
from pilothouse_api.ports import Ports
from pilothouse_api.problems import status_of

START_SECONDS = 1.0
"""The record store is migrated when the gateway starts."""


class Jumonc:
    """The parts of the form, on the ports of its gateway.

    Attributes:
        ports: What they stand on.
        options: Where and how it is served.
    """

    def __init__(self, ports: Ports, options: JumoncOptions) -> None:
        self.ports = ports
        self.options = options
        self.access = Access(ports.tokens, options, secure=ports.settings.secure_cookies)
        self.links = Links(options.prefix)
        self.hosts = Hosts(ports.records, ports.clock)
        self.sources = Sources(
            values=Values(ports.samples, ports.clock),
            totals=Totals(ports.samples, ports.clock),
            newest=ports.newest,
            clock=ports.clock,
        )
        self.timetable = Timetable(ports.clock, "jumonc")
        self.answers = Answers(ports.records, ports.clock, options, later=self.timetable.after)
        self.scheduler = Scheduler(
            ports.records, ports.tokens, ports.clock, self.timetable, self._run
        )

    def start(self) -> None:
        """Begin to write answers and to run tasks."""
        self.timetable.start()
        self.scheduler.look_after(START_SECONDS)

    def close(self) -> None:
        """Write what waits and end. Idempotent."""
        self.timetable.close()
        self.answers.flush_later()

    def measured_for(self, caller: Caller) -> Measured:
        """Return what tells whether somebody measures a metric on a node that the caller sees."""
        clusters = sorted({host.cluster for host in self.hosts.seen_by(caller)})
        names = [self.sources.values.available(cluster) for cluster in clusters]
        return frozenset[str]().union(*names).__contains__

    def _run(self, caller: Caller, path: str, parameters: dict[str, str]) -> tuple[int, int | None]:
        try:
            found = metrics.find(path)
            outcome = metrics.ask(self, caller, found, read_question(parameters), keep=True)
        except Transient:
            return 503, None
        except PilothouseError as exc:
            return status_of(exc), None
        return 200, outcome.answer_id
