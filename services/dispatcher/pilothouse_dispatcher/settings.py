"""Settings of the dispatcher."""

from typing import Annotated

from msgspec import Meta
from pilothouse_common.runtime.settings import ProcessSettings


class DispatcherSettings(ProcessSettings, frozen=True, kw_only=True):
    """What the dispatcher is told by its environment."""

    slurm_url: Annotated[
        str,
        Meta(
            pattern=r"^((https?://[^\s/]+|unix:/\S+)/?)?$",
            description="address of slurmrestd, http(s)://HOST:PORT or unix:/PATH; empty: no scheduler is "
            "watched",
        ),
    ] = ""
    slurm_proxy: Annotated[
        str,
        Meta(
            description="proxy on the way to slurmrestd, http://HOST:PORT, socks5://HOST:PORT or socks5h://…",
            extra={"secret": True},
        ),
    ] = ""
    slurm_ca_file: Annotated[
        str, Meta(description="certificates that sign slurmrestd's; empty: the system's")
    ] = ""
    slurm_user: Annotated[
        str,
        Meta(
            min_length=1,
            description="user that slurmrestd is asked as; root, SlurmUser or an operator sees all jobs",
        ),
    ] = "root"
    slurm_token_file: Annotated[
        str,
        Meta(description="file that holds a JWT for slurm_user; read again for every request"),
    ] = ""
    slurm_jwt_key_file: Annotated[
        str,
        Meta(description="Slurm's jwt_key, to sign tokens with; instead of slurm_token_file"),
    ] = ""
    slurm_token_command: Annotated[
        str,
        Meta(
            description="command that prints a token, split as a shell does but run without one; {user} in "
            "it is who asks: scontrol token username={user} lifespan=1800; instead of slurm_token_file"
        ),
    ] = ""
    watch_interval_seconds: Annotated[
        float, Meta(ge=0.1, le=3600, description="time between two looks at the scheduler's jobs")
    ] = 5.0
    spool_dir: Annotated[
        str,
        Meta(
            description="directory where events wait while the broker is away; empty: they are told later"
        ),
    ] = ""
