"""Tokens are revoked with all that came from them; who did what is kept in order."""

from datetime import UTC, datetime, timedelta

import pytest
from pilothouse_common.errors import Conflict
from pilothouse_common.store.records import AuditRepository, Records, Token, TokenRepository

T0 = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def a_token(jti: str, *, parent: str | None = None, subject: str = "ada", made: float = 0) -> Token:
    return Token(
        jti=jti,
        subject=subject,
        name=f"token {jti}",
        scopes=["jobs:read"],
        restriction={"user": subject},
        parent_jti=parent,
        created_time=at(made),
        expiry_time=at(3600),
    )


def add(records: Records, *tokens: Token) -> None:
    with records.session() as session:
        for token in tokens:
            TokenRepository(session).add(token)


def revoked(records: Records) -> dict[str, datetime | None]:
    with records.reading() as session:
        page = TokenRepository(session).page(limit=100)
    return {token.jti: token.revoked_time for token in page.items}


def test_a_token_is_read_as_it_was_added(records: Records) -> None:
    add(records, a_token("t1", parent="t0"))

    with records.reading() as session:
        token = TokenRepository(session).get("t1")
        assert TokenRepository(session).get("t2") is None
    assert token is not None
    assert (token.scopes, token.restriction) == (["jobs:read"], {"user": "ada"})
    assert (token.parent_jti, token.expiry_time, token.revoked_time) == ("t0", at(3600), None)


def test_two_tokens_of_one_jti_are_a_conflict(records: Records) -> None:
    add(records, a_token("t1"))

    with pytest.raises(Conflict):
        add(records, a_token("t1", subject="eve"))


def test_revoking_a_token_revokes_all_that_came_from_it(records: Records) -> None:
    family = [a_token("a"), a_token("b", parent="a"), a_token("c", parent="b")]
    add(records, *family, a_token("other"))
    with records.session() as session:
        assert TokenRepository(session).revoke("c", now=at(1)) == 1

    with records.session() as session:
        first = TokenRepository(session).revoke("a", now=at(2))
    with records.session() as session:
        again = TokenRepository(session).revoke("a", now=at(3))
        nothing = TokenRepository(session).revoke("no such", now=at(3))

    assert (first, again, nothing) == (2, 0, 0)
    assert revoked(records) == {"a": at(2), "b": at(2), "c": at(1), "other": None}


def test_tokens_that_name_each_other_as_parent_are_revoked_once(records: Records) -> None:
    add(records, a_token("a", parent="b"), a_token("b", parent="a"))

    with records.session() as session:
        assert TokenRepository(session).revoke("a", now=at(1)) == 2


def test_tokens_come_newest_first_and_by_subject(records: Records) -> None:
    add(
        records,
        *(a_token(f"t{i}", subject="ada" if i % 2 else "bob", made=i // 3) for i in range(9)),
    )

    found = []
    cursor = None
    with records.reading() as session:
        tokens = TokenRepository(session)
        for _ in range(9):
            page = tokens.page(cursor=cursor, limit=2)
            found += [token.jti for token in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        bobs = [token.jti for token in tokens.page(subject="bob").items]

    assert found == [f"t{i}" for i in reversed(range(9))]
    assert bobs == ["t8", "t6", "t4", "t2", "t0"]


def test_what_was_done_is_kept_with_the_change_or_not_at_all(records: Records) -> None:
    def make_twice() -> None:
        with records.session() as session:
            AuditRepository(session).add(
                time=at(0), subject="ada", action="token.create", target="t1", detail={}
            )
            TokenRepository(session).add(a_token("t1"))
            TokenRepository(session).add(a_token("t1"))

    with pytest.raises(Conflict):
        make_twice()

    with records.reading() as session:
        assert AuditRepository(session).page().items == []


def test_audit_entries_come_newest_first_within_a_time(records: Records) -> None:
    with records.session() as session:
        for i in range(6):
            AuditRepository(session).add(
                time=at(i // 2),
                subject="ada" if i % 2 else "bob",
                action="token.create",
                target=f"t{i}",
                detail={"n": i},
            )

    with records.reading() as session:
        audit = AuditRepository(session)
        first = audit.page(limit=4)
        second = audit.page(limit=4, cursor=first.next_cursor)
        window = audit.page(start=at(1), end=at(2))
        own = audit.page(subject="bob")

    assert [entry.target for entry in first.items + second.items] == [
        f"t{i}" for i in reversed(range(6))
    ]
    assert [entry.detail["n"] for entry in window.items] == [3, 2]
    assert [entry.target for entry in own.items] == ["t4", "t2", "t0"]
