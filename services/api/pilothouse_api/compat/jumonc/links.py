"""Discovery: every layer of paths tells the next as link objects."""

from collections.abc import Callable, Iterable
from typing import Any

from pilothouse_api.compat.jumonc import gpu, network
from pilothouse_api.compat.jumonc.catalogue import LAYERS, NOUNS, Layer

Link = dict[str, Any]
Measured = Callable[[str], bool]
"""Tells whether somebody measures one of our metrics."""

_PARAMETERS: dict[str, str] = {
    "token": "A token of the level that this link needs; not needed after /login",
    "node": "Only this node: its name, or its place in the list of /v1/job/config/Nodename from 0 on",
    "prefer_id": "True: answer only with the id of the stored answer",
    "humanReadable": "True: numbers with a binary prefix; False: plain numbers. Default: True",
    "duration": "Seconds: the mean, or of counters the rate per second, over this time",
    "interface": "Only this network interface; all: each of them; total: their sum. Default: all",
    "page": "Which page, from 1 on",
    "entries": "Entries of one page",
    "path": "Only answers of paths that hold this; * stands for any characters, ? for one",
    "id": "Which one",
    "interval": "Milliseconds from the end of one execution to the next",
    "task": "Path and query of what is to be repeated. It runs with the token that schedules it",
}
_ROOT: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("/login", "Begin a session with a token", ("token",)),
    ("/logout", "End the session", ()),
    ("/ping", "Whether somebody is there", ("token",)),
    ("/scope", "Level of the session", ()),
    ("/stop", "End the process", ("token",)),
    ("/v1", "Version 1 of the interface", ("token",)),
    ("/version", "Version of JuMonC that is spoken", ("token",)),
)
_CACHE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("/v1/cache/id", "One stored answer", ("id", "token")),
    ("/v1/cache/list", "Stored answers, the newest first", ("page", "entries", "path", "token")),
)
_SCHEDULED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("/v1/scheduled/cancel", "Stop repeating a request", ("token", "id")),
    ("/v1/scheduled/list", "What is repeated", ("token",)),
    ("/v1/scheduled/result", "The last answer of what is repeated", ("token", "id")),
    ("/v1/scheduled/schedule", "Repeat a request", ("token", "interval", "task")),
)


class Links:
    """Makes link objects.

    Args:
        prefix: What every link begins with.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def root(self) -> list[Link]:
        """Return the links of ``/``."""
        return self._structure(_ROOT)

    def version(self) -> list[Link]:
        """Return the links of ``/v1``."""
        return self._structure((f"/v1/{noun}", text, ("token",)) for noun, text in NOUNS.items())

    def noun(self, noun: str) -> list[Link]:
        """Return the links of ``/v1/<noun>``."""
        special = {"cache": _CACHE, "scheduled": _SCHEDULED}.get(noun)
        if special is not None:
            return self._structure(special)
        layers = [layer for layer in LAYERS if layer.noun == noun and layer.linked]
        return self._structure(sorted((layer.path, layer.help, ("token",)) for layer in layers))

    def layer(self, layer: Layer, measured: Measured) -> list[Link]:
        """Return the links of ``/v1/<noun>/<kind>``: what this site measures."""
        links = [
            self._link(f"{layer.path}/{name}", text, layer.parameters, optional=True)
            for name, text in _metrics_of(layer, measured)
        ]
        return sorted(links, key=lambda link: str(link["link"]))

    def everything(self, measured: Measured) -> list[Link]:
        """Return all links there are."""
        links = self.root() + self.version()
        for noun in NOUNS:
            links += self.noun(noun)
        for layer in LAYERS:
            links += self.layer(layer, measured)
        return sorted(links, key=lambda link: str(link["link"]))

    def _structure(self, rows: Iterable[tuple[str, str, tuple[str, ...]]]) -> list[Link]:
        return [self._link(path, text, names, optional=False) for path, text, names in rows]

    def _link(self, path: str, text: str, names: tuple[str, ...], *, optional: bool) -> Link:
        parameters = [{"name": name, "description": _PARAMETERS[name]} for name in names]
        return {
            "link": self._prefix + path,
            "isOptional": optional,
            "description": text,
            "parameters": parameters or [{}],
        }


def _metrics_of(layer: Layer, measured: Measured) -> list[tuple[str, str]]:
    if layer.noun == "network":
        return list(network.HELP.items())
    if layer.noun == "gpu":
        table = gpu.STATUS if layer.kind == "status" else gpu.CONFIG
        return [
            (name, f"{query.field} of every GPU, as nvidia-smi calls it")
            for name, query in table.items()
            if measured(query.metric)
        ]
    return [
        (leaf.name, leaf.help)
        for leaf in layer.leaves
        if not leaf.optional or all(measured(metric) for metric in leaf.metrics)
    ]
