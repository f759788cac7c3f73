"""One slurmrestd with its token and its API version, which is asked for, and again when that changes."""

from typing import Any

import msgspec
from pilothouse_common.errors import SchedulerUnavailable

from pilothouse_dispatcher.slurm.answers import Answer, problem_of
from pilothouse_dispatcher.slurm.dialect import DIALECTS, Dialect
from pilothouse_dispatcher.slurm.token import Tokens
from pilothouse_dispatcher.slurm.transport import Transport


class Session:
    """Sends requests. Used by one thread.

    Args:
        transport: The way to slurmrestd.
        user: Who asks, where a call names nobody else; 22.05 wants the name beside the token.
        tokens: Gives the token for each request.
    """

    def __init__(self, transport: Transport, *, user: str, tokens: Tokens) -> None:
        self._transport = transport
        self._user = user
        self._tokens = tokens
        self.version: str | None = None

    def dialect(self) -> Dialect:
        """Return what the served version's requests are written in.

        Raises:
            SchedulerUnavailable: slurmrestd does not answer, or serves no version that is known here.
        """
        return DIALECTS[self.version or self._negotiate()]

    def call(
        self, method: str, path: str, *, body: Any = None, user: str = "", api: str = "slurm"
    ) -> Answer:
        """Return the answer to a request below ``/slurm/<version>/`` (``api="slurmdb"``: accounting).

        Raises:
            SchedulerUnavailable: Not sent; or the version is not served any more.
            OutcomeUnknown: Sent, and no answer came.
            Unauthenticated: There is no token.
        """
        version = self.version or self._negotiate()
        answer = self._send(method, f"/{api}/{version}/{path}", body, user)
        if answer.status == 404 and answer.envelope() is None and not self._serves(version):
            self.version = None
            raise SchedulerUnavailable(f"slurmrestd does not serve {version} any more")
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _negotiate(self) -> str:
        """Take the newest version that both sides know; one that is not served is a 404."""
        for version in DIALECTS:
            if self._serves(version):
                self.version = version
                return version
        raise SchedulerUnavailable(f"slurmrestd serves none of {', '.join(DIALECTS)}")

    def _serves(self, version: str) -> bool:
        answer = self._send("GET", f"/slurm/{version}/ping", None, "")
        if answer.status in (401, 403):
            problem = problem_of(answer)
            assert problem is not None
            raise problem
        return answer.status != 404

    def _send(self, method: str, path: str, body: Any, user: str) -> Answer:
        headers = {
            "Accept": "application/json",
            "X-SLURM-USER-NAME": user or self._user,
            "X-SLURM-USER-TOKEN": self._tokens.token(user or self._user),
        }
        content = None if body is None else msgspec.json.encode(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        return self._transport.request(method, path, headers=headers, body=content)
