"""What the gateway remembers for a second, and that it is not longer."""

from datetime import timedelta
from typing import Any

import pytest
from pilothouse_api.access.signing import TokenSigner
from pilothouse_api.access.tokens import REMEMBERED_SECONDS, Tokens
from pilothouse_api.nodes.known import KnownNodes
from pilothouse_common.contract.events import NodeReported, new_event
from pilothouse_common.contract.scopes import Restriction
from pilothouse_common.errors import Unauthenticated
from pilothouse_common.store.records import record_events

from tests.support.api import KEY, SteppedClock


def tokens_of(records: Any, clock: SteppedClock) -> Tokens:
    return Tokens(records, TokenSigner(KEY.encode()), clock)


def minted(tokens: Tokens, seconds: int = 3600) -> Any:
    return tokens.mint(
        subject="alice",
        name="",
        scopes=["jobs:read"],
        restriction=Restriction(),
        lifetime_seconds=seconds,
    )


def test_a_token_is_remembered_for_a_second_after_its_row_was_read(sqlite_records: Any) -> None:
    clock = SteppedClock()
    tokens = tokens_of(sqlite_records, clock)
    token = minted(tokens).token
    assert tokens.remembered(token) is None

    caller = tokens.verify(token)
    clock.step(REMEMBERED_SECONDS * 0.9)
    again = tokens.verify(token)  # from memory: the row is not read, and not remembered for longer

    assert tokens.remembered(token) == caller == again
    clock.step(REMEMBERED_SECONDS * 0.2)
    assert tokens.remembered(token) is None


def test_a_revocation_elsewhere_works_within_that_second(sqlite_records: Any) -> None:
    clock = SteppedClock()
    here, elsewhere = (tokens_of(sqlite_records, clock) for _ in range(2))
    made = minted(here)
    here.verify(made.token)

    elsewhere.revoke(made.row.jti, by="root")
    clock.step(REMEMBERED_SECONDS)

    assert here.remembered(made.token) is None
    with pytest.raises(Unauthenticated):
        here.verify(made.token)


def test_a_revocation_here_works_at_once_and_an_expiry_too(sqlite_records: Any) -> None:
    clock = SteppedClock()
    tokens = tokens_of(sqlite_records, clock)
    made, short = minted(tokens), minted(tokens, seconds=1)
    tokens.verify(made.token)
    clock.step(0.5)
    tokens.verify(short.token)

    tokens.revoke(made.row.jti, by="root")
    assert tokens.remembered(made.token) is None

    tokens.verify(short.token)
    clock.step(0.5)
    with pytest.raises(Unauthenticated, match="expired"):
        tokens.remembered(short.token)


def test_a_node_is_remembered_for_a_second_and_a_missing_one_not_at_all(
    sqlite_records: Any,
) -> None:
    clock = SteppedClock()
    nodes = KnownNodes(sqlite_records, clock)
    assert nodes.find("n1", None) is None

    def report(cores: int) -> None:
        told = NodeReported(cluster="alpha", hostname="n1", cores=cores)
        time = clock.now() + timedelta(seconds=cores)
        with sqlite_records.session() as session:
            record_events(session, [new_event(told, source="agent/n1", time=time)], now=clock.now())

    report(8)
    first = nodes.find("n1", "alpha")
    report(16)

    assert first is not None
    assert nodes.find("n1", "alpha") is first
    clock.step(REMEMBERED_SECONDS)
    later = nodes.find("n1", "alpha")
    assert later is not None
    assert (first.hardware["cores"], later.hardware["cores"]) == (8, 16)
