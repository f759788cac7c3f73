"""Who gets in: every route, every scope, every way a token can be wrong."""

from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient
from pilothouse_api.access.credentials import CSRF_COOKIE, CSRF_HEADER, SESSION_COOKIE
from pilothouse_api.access.tokens import REMEMBERED_SECONDS
from pilothouse_common.contract.scopes import SCOPES

from tests.support.api import KEY, Api, Gateway, SteppedClock, serving

PUBLIC = {
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/login"),
    ("post", "/v1/session"),
}
"""Operations without a token: they hold no data of the cluster."""
ANY_TOKEN = {
    ("get", "/v1/session"),
    ("delete", "/v1/session"),
    ("get", "/v1/tokens"),
    ("post", "/v1/tokens"),
    ("delete", "/v1/tokens/{jti}"),
}
"""Operations that are about the token itself."""
UNLISTED = {
    "/openapi.json",
    "/docs",
    "/docs/style.css",
    "/assets/{path:path}",
    "/{path:path}",
    "/jumonc/{path:path}",
}
"""Routes of the page, and another system's form with a list of links of its own."""


def operations(gateway: Gateway) -> list[tuple[str, str, list[str] | None]]:
    """Return method, path and declared scopes (None: no token) of every operation."""
    found = []
    for path, methods in gateway.app.openapi()["paths"].items():
        for method, operation in methods.items():
            security = operation.get("security")
            scopes = None
            if security:
                (scopes,) = {tuple(next(iter(way.values()))) for way in security}
                assert {next(iter(way)) for way in security} == {"bearer", "header", "session"}
            found.append((method, path, list(scopes) if scopes is not None else None))
    return found


def call(client: TestClient, method: str, path: str, token: str | None) -> int:
    path = path.replace("{hostname}", "n001").replace("{job_id}", "1").replace("{jti}", "none")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if path == "/v1/live":
        path += "?types=nonsense"  # refused after the scope is checked: no stream without end
    return client.request(method, path, headers=headers).status_code


def test_every_route_is_documented_or_part_of_the_page(gateway: Gateway) -> None:
    documented = set(gateway.app.openapi()["paths"])

    served = {route.path for route in walk(gateway.app.router)}

    assert served - documented == UNLISTED


def walk(router: Any) -> list[Any]:
    found = []
    for route in router.routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        found += walk(inner) if inner is not None else [route]
    return found


def test_every_operation_declares_its_scope_or_is_listed_here(gateway: Gateway) -> None:
    declared = operations(gateway)

    assert {(m, p) for m, p, scopes in declared if scopes is None} == PUBLIC
    assert {(m, p) for m, p, scopes in declared if scopes == []} == ANY_TOKEN


def test_no_operation_answers_without_a_token(gateway: Gateway, client: TestClient) -> None:
    for method, path, scopes in operations(gateway):
        if scopes is not None:
            assert call(client, method, path, None) == 401, (method, path)


def test_every_other_scope_is_refused(gateway: Gateway, client: TestClient) -> None:
    for method, path, scopes in operations(gateway):
        if scopes:
            others = gateway.token(scopes=[s for s in SCOPES if s not in scopes])
            right = gateway.token(scopes=scopes)
            assert call(client, method, path, others) == 403, (method, path)
            assert call(client, method, path, right) not in (401, 403), (method, path)


def test_a_token_is_taken_from_either_header(gateway: Gateway, client: TestClient) -> None:
    token = gateway.token("alice")

    by_bearer = client.get("/v1/session", headers={"Authorization": f"Bearer {token}"})
    by_header = client.get("/v1/session", headers={"X-Auth-Token": token})

    assert by_bearer.json() == by_header.json()
    assert by_header.json()["subject"] == "alice"


def test_forged_tokens_are_refused(gateway: Gateway, client: TestClient) -> None:
    good = gateway.token()
    claims = jwt.decode(good, KEY, ["HS256"], issuer="pilothouse")
    unsigned = jwt.encode(claims, None, "none")
    header, body, signature = good.split(".")
    wrong = [
        unsigned,
        unsigned + signature,
        jwt.encode(claims, "another key that is also long enough", "HS256"),
        jwt.encode(claims, KEY * 2, "HS512"),
        jwt.encode({**claims, "jti": "of nobody"}, KEY, "HS256"),
        jwt.encode({k: v for k, v in claims.items() if k != "exp"}, KEY, "HS256"),
        jwt.encode({**claims, "scope": ["jobs:read"]}, KEY, "HS256"),
        jwt.encode({**claims, "exp": 10**30}, KEY, "HS256"),
        jwt.encode({**claims, "iss": "somebody"}, KEY, "HS256"),
        jwt.encode({**claims, "jti": "a\x00b"}, KEY, "HS256"),
        f"{header}.{body}.",
        "x" * 10_000,
        "..",
        "é",
    ]

    answers = [client.get("/v1/session", headers={b"X-Auth-Token": t.encode()}) for t in wrong]

    assert [answer.status_code for answer in answers] == [401] * len(wrong)
    assert all("WWW-Authenticate" in answer.headers for answer in answers)
    assert all(t not in a.text for t, a in zip(wrong, answers, strict=True))


def test_a_token_ends_at_its_time(sqlite_records: Any, sample_store: Any) -> None:
    clock = SteppedClock()
    gateway = Gateway(sqlite_records, sample_store, clock)
    with serving(gateway) as client:
        api = Api(client, gateway.token(lifetime_seconds=60))

        before = api.get("/v1/session").status_code
        clock.step(60)

        assert (before, api.get("/v1/session").status_code) == (200, 401)


def test_a_revoked_parent_takes_its_children_along(sqlite_records: Any, sample_store: Any) -> None:
    clock = SteppedClock()
    gateway = Gateway(sqlite_records, sample_store, clock)
    with serving(gateway) as client:
        parent = Api(client, gateway.token("alice", ["jobs:read", "nodes:read"]))
        wish = {"name": "child", "scopes": ["jobs:read"], "lifetime_seconds": 60}
        child = Api(client, parent.post("/v1/tokens", json=wish).json()["token"])
        grandchild = Api(client, child.post("/v1/tokens", json=wish).json()["token"])
        assert grandchild.get("/v1/jobs").status_code == 200

        ended = parent.delete("/v1/session").status_code
        clock.step(REMEMBERED_SECONDS)

        assert ended == 204
        for one in (parent, child, grandchild):
            assert one.get("/v1/session").status_code == 401


def test_a_child_is_never_wider_than_its_parent(gateway: Gateway, client: TestClient) -> None:
    parent = Api(
        client, gateway.token("alice", ["jobs:read"], cluster="alpha", lifetime_seconds=60)
    )

    def mint(**wish: Any) -> Any:
        body = {
            "name": "n",
            "scopes": ["jobs:read"],
            "restriction": {"cluster": "alpha"},
            "lifetime_seconds": 3600,
        }
        return parent.post("/v1/tokens", json={**body, **wish})

    assert mint(scopes=["nodes:read"]).status_code == 403
    assert mint(scopes=["full"]).status_code == 403
    assert mint(restriction={}).status_code == 403
    assert mint(restriction={"cluster": "beta"}).status_code == 403
    assert mint(subject="bob").status_code == 403
    assert mint(scopes=["nonsense"]).status_code == 422
    narrower = mint(restriction={"cluster": "alpha", "job_id": 7})
    assert narrower.status_code == 201
    assert narrower.json()["restriction"] == {"cluster": "alpha", "job_id": 7}
    own = parent.get("/v1/session").json()
    assert narrower.json()["expiry_time"] <= own["expiry_time"]


def test_tokens_of_others_do_not_exist(gateway: Gateway, client: TestClient) -> None:
    alice = Api(client, gateway.token("alice", ["jobs:read"]))
    bob = Api(client, gateway.token("bob", ["jobs:read"]))
    root = Api(client, gateway.token("root", ["tokens:manage"]))
    (bobs,) = bob.items("/v1/tokens")

    assert {t["subject"] for t in alice.items("/v1/tokens")} == {"alice"}
    assert alice.get("/v1/tokens", subject="bob").status_code == 403
    assert alice.delete(f"/v1/tokens/{bobs['jti']}").status_code == 404
    assert {t["subject"] for t in root.items("/v1/tokens")} == {"alice", "bob", "root"}
    assert root.delete(f"/v1/tokens/{bobs['jti']}").status_code == 204
    assert bob.get("/v1/session").status_code == 401


def test_a_narrow_token_does_not_end_a_wider_one_of_its_owner(
    gateway: Gateway, client: TestClient
) -> None:
    wide = Api(client, gateway.token("alice", ["jobs:read", "nodes:read"]))
    narrow = Api(client, gateway.token("alice", ["jobs:read"]))
    bound = Api(client, gateway.token("alice", ["jobs:read", "nodes:read"], cluster="alpha"))
    by_scopes = {
        len(t["scopes"]): t["jti"] for t in wide.items("/v1/tokens") if not t["restriction"]
    }

    assert narrow.delete(f"/v1/tokens/{by_scopes[2]}").status_code == 404
    assert bound.delete(f"/v1/tokens/{by_scopes[1]}").status_code == 404
    assert wide.delete(f"/v1/tokens/{by_scopes[1]}").status_code == 204
    assert wide.get("/v1/session").status_code == 200


def test_a_login_link_works_once(gateway: Gateway, client: TestClient) -> None:
    code = gateway.ports.logins.create("root", frozenset(SCOPES))

    first = client.get("/login", params={"code": code}, follow_redirects=False)
    second = client.get("/login", params={"code": code}, follow_redirects=False)

    assert (first.status_code, first.headers["Location"]) == (303, "/")
    cookies = first.headers.get_list("Set-Cookie")
    session = next(c for c in cookies if c.startswith(SESSION_COOKIE))
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert "Secure" not in session
    assert second.status_code == 401
    assert client.get("/v1/session").json()["subject"] == "root"
    assert code not in second.text


def test_a_login_link_ends_after_ten_minutes(sqlite_records: Any, sample_store: Any) -> None:
    clock = SteppedClock()
    gateway = Gateway(sqlite_records, sample_store, clock)
    with serving(gateway) as client:
        code = gateway.ports.logins.create("root", frozenset(SCOPES))
        clock.step(601)

        assert client.get("/login", params={"code": code}).status_code == 401


def test_cookies_are_secure_behind_https(sqlite_records: Any, sample_store: Any) -> None:
    gateway = Gateway(sqlite_records, sample_store, public_url="https://pilothouse.example")
    with serving(gateway) as client:
        answer = client.post("/v1/session", json={"token": gateway.token()})

    assert all("Secure" in cookie for cookie in answer.headers.get_list("Set-Cookie"))


def test_a_session_needs_its_csrf_proof_for_unsafe_methods(
    gateway: Gateway, client: TestClient
) -> None:
    client.post("/v1/session", json={"token": gateway.token("alice")})
    proof = client.cookies[CSRF_COOKIE]
    wish = {"name": "n", "scopes": ["jobs:read"], "lifetime_seconds": 60}

    def mint(headers: dict[str, str]) -> int:
        return client.post("/v1/tokens", json=wish, headers=headers).status_code

    assert client.get("/v1/session").status_code == 200
    assert mint({}) == 403
    assert mint({CSRF_HEADER: "f" * 64}) == 403
    assert mint({CSRF_HEADER: proof}) == 201
    client.cookies.set(CSRF_COOKIE, "f" * 64)
    assert mint({CSRF_HEADER: "f" * 64}) == 403


def test_logging_out_ends_the_session_but_not_its_token(
    gateway: Gateway, client: TestClient
) -> None:
    token = gateway.token("alice")
    client.post("/v1/session", json={"token": token})
    session = client.cookies[SESSION_COOKIE]

    gone = client.delete("/v1/session", headers={CSRF_HEADER: client.cookies[CSRF_COOKIE]})

    assert gone.status_code == 204
    assert SESSION_COOKIE not in client.cookies
    assert client.get("/v1/session", headers={"X-Auth-Token": session}).status_code == 401
    assert client.get("/v1/session", headers={"X-Auth-Token": token}).status_code == 200


def test_what_is_done_with_tokens_is_noted(gateway: Gateway, client: TestClient) -> None:
    from pilothouse_common.store.records import AuditRepository

    alice = Api(client, gateway.token("alice", ["jobs:read"]))
    wish = {"name": "mine", "scopes": ["jobs:read"], "lifetime_seconds": 60}
    minted = alice.post("/v1/tokens", json=wish).json()
    alice.delete(f"/v1/tokens/{minted['jti']}")

    with gateway.records.reading() as session:
        newest, before = AuditRepository(session).page(limit=2).items
    assert (newest.action, newest.subject, newest.target) == (
        "token.revoke",
        "alice",
        minted["jti"],
    )
    assert (before.action, before.target) == ("token.create", minted["jti"])
    assert minted["token"] not in str(before.detail)


def test_a_short_signing_key_is_refused(sqlite_records: Any, sample_store: Any) -> None:
    from pilothouse_api.settings import check_token_key
    from pilothouse_common.errors import ConfigError

    with pytest.raises(ConfigError, match="31 bytes, need at least 32"):
        check_token_key("x" * 31)
