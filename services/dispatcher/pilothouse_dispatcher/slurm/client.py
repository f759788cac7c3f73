"""Asks slurmrestd. Which API version it serves is found out by asking, and again when that changes."""

from collections.abc import Callable

import msgspec
import urllib3
from msgspec import Struct
from pilothouse_common.errors import Malformed, SchedulerUnavailable, Unauthenticated

from pilothouse_dispatcher.slurm import v38, v40
from pilothouse_dispatcher.slurm.job import SlurmJob
from pilothouse_dispatcher.slurm.token import Tokens

TIMEOUT = urllib3.Timeout(connect=5, read=30)
"""slurmrestd itself gives slurmctld 10 seconds; less would be a third kind of silence."""
MAX_BODY_BYTES = 512 << 20
DECODERS: dict[str, Callable[[bytes], list[SlurmJob]]] = {
    **dict.fromkeys(v40.VERSIONS, v40.decode_jobs),
    **dict.fromkeys(v38.VERSIONS, v38.decode_jobs),
}
"""By version, newest first."""
BAD_TOKEN = (1007, 5005)
"""Slurm's numbers for an authentication error: from 24.11, and before (where a broken connection
between slurmrestd and slurmctld has the same)."""

UNSPECIFIED = -1


class _Error(Struct):
    """One of ``errors[]``; versions name the same things differently."""

    error_number: int | None = None
    error_code: int | None = None
    errno: int | None = None
    error: str | None = None
    description: str | None = None

    @property
    def number(self) -> int:
        return self.error_number or self.error_code or self.errno or 0

    def __str__(self) -> str:
        return f"{self.error or self.description or 'error'} ({self.number})"


class _Errors(Struct):
    errors: list[_Error] = []


class SlurmClient:
    """One slurmrestd. Used by one thread.

    Args:
        url: ``http(s)://HOST:PORT``.
        user: Name sent with the token; 22.05 wants it.
        tokens: Gives the token for each request.
    """

    def __init__(self, url: str, *, user: str, tokens: Tokens) -> None:
        self._url = url.rstrip("/")
        self._user = user
        self._tokens = tokens
        self._http = urllib3.PoolManager(timeout=TIMEOUT, retries=False)
        self._version: str | None = None

    @property
    def version(self) -> str | None:
        """The API version in use; None until the first answer."""
        return self._version

    def jobs(self) -> list[SlurmJob]:
        """Return every job that slurmctld still knows.

        Raises:
            SchedulerUnavailable: slurmrestd or slurmctld does not answer now.
            Unauthenticated: No token, or one that Slurm refuses.
            Malformed: An answer that is not of the version's form.
        """
        version = self._version or self._negotiate()
        status, body = self._get(f"/slurm/{version}/jobs")
        if status == 404:
            self._version = None
            raise SchedulerUnavailable(f"slurmrestd does not serve {version} any more")
        if status != 200:
            raise _explained(status, body)
        try:
            return DECODERS[version](body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise Malformed(f"slurmrestd {version} /jobs: {exc}") from exc

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def _negotiate(self) -> str:
        """Take the newest version that both sides know; one that is not served is a 404."""
        for version in DECODERS:
            status, body = self._get(f"/slurm/{version}/ping")
            if status in (401, 403):
                raise _explained(status, body)
            if status != 404:
                self._version = version
                return version
        raise SchedulerUnavailable(f"slurmrestd serves none of {', '.join(DECODERS)}")

    def _get(self, path: str) -> tuple[int, bytes]:
        headers = {
            "Accept": "application/json",
            "X-SLURM-USER-NAME": self._user,
            "X-SLURM-USER-TOKEN": self._tokens.token(),
        }
        try:
            answer = self._http.request(
                "GET", self._url + path, headers=headers, preload_content=False
            )
            body = answer.read(MAX_BODY_BYTES + 1)
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise SchedulerUnavailable(f"slurmrestd {self._url}: {exc}") from exc
        if len(body) > MAX_BODY_BYTES:
            raise Malformed(f"slurmrestd {path}: more than {MAX_BODY_BYTES} bytes")
        return answer.status, body


def _explained(status: int, body: bytes) -> SchedulerUnavailable | Unauthenticated:
    """Say what a refusal means: by Slurm's own numbers, since its HTTP statuses mislead."""
    try:
        errors = msgspec.json.decode(body, type=_Errors).errors
    except (msgspec.MsgspecError, UnicodeDecodeError):
        errors = []
    said = "; ".join(map(str, errors)) or body[:200].decode("utf-8", "replace").strip()
    text = f"slurmrestd answered {status}: {said}"
    if status in (401, 403, 511) or any(error.number in BAD_TOKEN for error in errors):
        return Unauthenticated(f"{text}; look at the token and at the user's name")
    if any(error.number == UNSPECIFIED for error in errors):
        text += "; this Slurm says the same of a dead slurmctld and of a token that it refuses"
    return SchedulerUnavailable(text)
