"""What a token may do, and on what.

A scope is ``<noun>:<verb>``. JuMonC's ladder is kept as named bundles, each containing those before
it. Restrictions narrow on what a scope applies; an empty restriction does not narrow.
"""

from msgspec import Struct

SCOPES: dict[str, str] = {
    "links:read": "see which routes exist",
    "nodes:read": "read nodes and their series",
    "jobs:read": "read jobs, their series and statistics",
    "live:read": "follow changes as server-sent events",
    "stats:read": "have statistics computed",
    "runs:read": "read runs and requests",
    "runs:write": "create and change runs and requests",
    "events:write": "publish events (hooks, senders)",
    "samples:write": "publish samples (agents, senders)",
    "tokens:manage": "mint any token, list and revoke all",
    "admin:all": "see every user's jobs and runs, operate the system",
}

_LADDER: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("see_links", ("links:read",)),
    ("retrieve_data", ("nodes:read", "jobs:read", "live:read")),
    ("compute_data", ("stats:read",)),
    ("retrieve_simulation_data", ("runs:read",)),
    ("compute_simulation_data", ("runs:write",)),
    ("full", tuple(SCOPES)),
)


def _bundles() -> dict[str, frozenset[str]]:
    bundles: dict[str, frozenset[str]] = {}
    so_far: frozenset[str] = frozenset()
    for name, scopes in _LADDER:
        so_far |= frozenset(scopes)
        bundles[name] = so_far
    return bundles


BUNDLES: dict[str, frozenset[str]] = _bundles()


def expand(names: list[str]) -> frozenset[str]:
    """Return the scopes behind scope and bundle names.

    Raises:
        ValueError: A name that is neither, with the names there are.
    """
    scopes: set[str] = set()
    for name in names:
        if name in BUNDLES:
            scopes |= BUNDLES[name]
        elif name in SCOPES:
            scopes.add(name)
        else:
            known = ", ".join([*SCOPES, *BUNDLES])
            raise ValueError(f"unknown scope {name!r}; known: {known}")
    return frozenset(scopes)


class Restriction(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """On what a token may act; every part that is set must hold."""

    cluster: str | None = None
    user: str | None = None
    account: str | None = None
    job_id: int | None = None
    run_id: str | None = None

    def allows(self, other: "Restriction") -> bool:
        """Tell whether ``other`` is at most as wide as this one."""
        pairs = ((getattr(self, f), getattr(other, f)) for f in self.__struct_fields__)
        return all(mine is None or mine == theirs for mine, theirs in pairs)
