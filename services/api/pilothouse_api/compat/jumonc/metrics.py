"""One request for a metric, from a client or from a task: measure, store, answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pilothouse_common.errors import NotFound, PilothouseError, StoreUnavailable

from pilothouse_api.access.caller import Caller
from pilothouse_api.compat.jumonc import gauges, gpu, network
from pilothouse_api.compat.jumonc.catalogue import Layer, layer_at
from pilothouse_api.compat.jumonc.nodes import Host, choose
from pilothouse_api.compat.jumonc.question import Measured, Question, stored_parameters

if TYPE_CHECKING:
    from pilothouse_api.compat.jumonc.space import Jumonc

LONG_SECONDS = 0.1
"""From this duration on JuMonC answers with a link (its SHORT_JOB_MAX_TIME)."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that a path names.

    Attributes:
        layer: Where it is.
        name: Last part of the path.
    """

    layer: Layer
    name: str

    @property
    def path(self) -> str:
        """Its path."""
        return f"{self.layer.path}/{self.name}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered, and under which id it is stored, if anybody is to know."""

    body: Any
    answer_id: int | None = None


def find(path: str) -> Metric:
    """Return the metric of ``/v1/<noun>/<kind>/<name>``.

    Raises:
        NotFound: The path is of another form, or there is no such metric.
    """
    parts = path.strip("/").split("/")
    if len(parts) == 4 and parts[0] == "v1":
        layer = layer_at(parts[1], parts[2])
        if layer is not None:
            metric = Metric(layer, parts[3])
            if exists(metric):
                return metric
    raise NotFound("there is no such metric; /v1 leads to all of them")


def exists(metric: Metric) -> bool:
    """Tell whether there is a metric of that name, measured or not."""
    layer = metric.layer
    if layer.noun == "network":
        return network.type_of(metric.name) is not None
    if layer.noun == "gpu":
        return metric.name in (gpu.STATUS if layer.kind == "status" else gpu.CONFIG)
    return layer.leaf(metric.name) is not None


def ask(
    space: "Jumonc", caller: Caller, metric: Metric, question: Question, *, keep: bool
) -> Outcome:
    """Return the answer; with ``keep`` it is stored before, whatever JuMonC does with its kind.

    Raises:
        NotFound: Nobody measures it, or no such node.
        StoreUnavailable: A store cannot answer now.
    """
    hosts = choose(space.hosts.seen_by(caller), question.node)
    parameters = stored_parameters(metric.layer.noun, question)
    if metric.layer.noun == "network" and question.duration_seconds >= LONG_SECONDS:
        return _later(space, caller, metric, hosts, question)
    measured = _measure(space, metric, hosts, question)
    if keep:
        kept = space.answers.keep(caller, metric.path, parameters, measured.results)
        return Outcome({"cache_id": kept}, kept)
    if metric.layer.stored:
        space.answers.note(caller, metric.path, parameters, measured.results)
    return Outcome(measured.body)


def _measure(
    space: "Jumonc", metric: Metric, hosts: Sequence[Host], question: Question
) -> Measured:
    layer, name = metric.layer, metric.name
    if layer.noun == "network":
        return network.measure(space.sources, network.type_of(name) or name, hosts, question)
    if layer.noun == "gpu":
        table = gpu.STATUS if layer.kind == "status" else gpu.CONFIG
        return gpu.measure(space.sources, name, table[name], hosts)
    leaf = layer.leaf(name)
    assert leaf is not None
    return gauges.measure(space.sources, leaf, hosts, question)


def _later(
    space: "Jumonc", caller: Caller, metric: Metric, hosts: Sequence[Host], question: Question
) -> Outcome:
    """Promise the rates of the time that begins now, and keep the promise when it is over."""
    kind = network.type_of(metric.name) or metric.name
    parameters = stored_parameters(metric.layer.noun, question)
    answer_id = space.answers.keep(caller, metric.path, parameters, {})
    begun = space.ports.clock.now()

    def complete() -> None:
        window = begun, max(space.ports.clock.now(), begun) + timedelta(seconds=1)
        try:
            measured = network.measure(space.sources, kind, hosts, question, window)
            results = measured.results
        except PilothouseError as exc:  # no results at all would mean: not yet
            results = {"error": f"{type(exc).__name__}: not measured"}
        space.answers.complete(answer_id, results)

    if not space.timetable.after(question.duration_seconds, complete):
        raise StoreUnavailable("too many answers are being made")
    link = f"{space.options.prefix}/v1/cache/id/?id={answer_id}"
    return Outcome({"cache_id": answer_id} if question.prefer_id else {"link": link}, answer_id)
