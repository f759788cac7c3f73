"""Settings of every process: one msgspec Struct each, read from the environment and a TOML file.

Precedence: environment ``PILOTHOUSE_<FIELD>``, then the file named by ``PILOTHOUSE_CONFIG`` (its
table ``[<service>]`` over its top level), then the default. A field marked secret may also be given
as ``PILOTHOUSE_<FIELD>_FILE``, the path of a file that holds it.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, structs

from pilothouse_common.errors import ConfigError

PREFIX = "PILOTHOUSE_"
CONFIG = f"{PREFIX}CONFIG"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings; describe each field with ``Annotated[T, Meta(description=…)]``.

    ``Meta(extra={"secret": True})`` marks a secret: it is never shown, and may come from a file.
    """


class ProcessSettings(Settings, frozen=True, kw_only=True):
    """What every process has."""

    cluster: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
            description="name of the cluster, as in Slurm's ClusterName; letters, digits, '-' and '_'",
        ),
    ] = "cluster"
    broker_url: Annotated[
        str,
        Meta(
            description="carrier of all messages: amqp(s)://USER:PASSWORD@HOST:PORT/VHOST, "
            "spool:/DIRECTORY, https://GATEWAY, memory: or mpi:",
            extra={"secret": True},
        ),
    ]
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="least level that is logged")
    ] = "info"
    log_format: Annotated[
        Literal["plain", "json"],
        Meta(description="one line per record, for people or for machines"),
    ] = "plain"
    health_host: Annotated[str, Meta(description="address of /healthz, /readyz and /metrics")] = (
        "127.0.0.1"
    )
    health_port: Annotated[
        int,
        Meta(
            ge=-1, le=65535, description="port of /healthz, /readyz and /metrics; 0: any; -1: none"
        ),
    ] = -1


T = TypeVar("T", bound=Settings)


def load(
    cls: type[T],
    *,
    service: str,
    environ: Mapping[str, str] | None = None,
    also: Iterable[str] = (),
) -> T:
    """Return the settings of a process.

    Args:
        cls: The Settings class.
        service: The table of the TOML file for this process.
        environ: Instead of the process environment.
        also: Names that other processes in this environment use: not an error here.

    Raises:
        ConfigError: One line that names the setting and what is wrong, without its value if secret.
    """
    env = os.environ if environ is None else environ
    fields = {f.name: f for f in structs.fields(cls)}
    secrets = {name for name in fields if is_secret(cls, name)}
    values = _from_file(env.get(CONFIG, ""), service, set(fields), set(also))
    for name in fields:
        variable = PREFIX + name.upper()
        if variable in env:
            values[name] = env[variable]
        elif name in secrets and f"{variable}_FILE" in env:
            values[name] = _read_secret(f"{variable}_FILE", env[f"{variable}_FILE"])
    out: dict[str, Any] = {}
    for name, value in values.items():
        out[name] = _convert(cls, name, value, secret=name in secrets)
    missing = [f.name for f in fields.values() if f.required and f.name not in out]
    if missing:
        raise ConfigError(
            "; ".join(f"set {PREFIX}{name.upper()}: {describe(cls, name)}" for name in missing)
        )
    return cls(**out)


def describe(cls: type[Settings], name: str) -> str:
    """Return the description of a field."""
    meta = _meta(cls, name)
    return meta.get("description", "") if meta else ""


def is_secret(cls: type[Settings], name: str) -> bool:
    """Tell whether a field is a secret."""
    return bool(_meta(cls, name).get("secret"))


def _meta(cls: type[Settings], name: str) -> dict[str, Any]:
    info = msgspec.inspect.type_info(cls)
    assert isinstance(info, msgspec.inspect.StructType)
    kind = next(f.type for f in info.fields if f.name == name)
    if isinstance(kind, msgspec.inspect.Metadata):
        return {**(kind.extra_json_schema or {}), **(kind.extra or {})}
    return {}


def _from_file(path: str, service: str, fields: set[str], also: set[str]) -> dict[str, Any]:
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            table = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{CONFIG}={path}: {exc}") from exc
    shared = {k: v for k, v in table.items() if not isinstance(v, dict)}
    own = table.get(service, {})
    if not isinstance(own, dict):
        raise ConfigError(f"{path}: {service} must be a table [{service}]")
    unknown = sorted(set(own) - fields - also)
    if unknown:
        raise ConfigError(
            f"{path}: [{service}] has no setting {unknown[0]!r}; known: {', '.join(sorted(fields))}"
        )
    return {k: v for k, v in {**shared, **own}.items() if k in fields}


def _read_secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{variable}={path}: {exc}") from exc


def _convert(cls: type[Settings], name: str, value: Any, *, secret: bool) -> Any:
    hint = cls.__annotations__.get(name) or next(
        base.__annotations__[name]
        for base in cls.__mro__
        if name in getattr(base, "__annotations__", {})
    )
    try:
        return msgspec.convert(_listed(hint, value), hint, strict=False)
    except (msgspec.ValidationError, ValueError) as exc:
        shown = "" if secret else f" (got {value!r})"
        raise ConfigError(f"{PREFIX}{name.upper()}: {exc}{shown}; {describe(cls, name)}") from exc


def _listed(hint: Any, value: Any) -> Any:
    """Let a list be written in the environment as words between commas, a table as NAME=VALUE."""
    info = msgspec.inspect.type_info(hint)
    if isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    if not isinstance(value, str):
        return value
    words = [word.strip() for word in value.split(",") if word.strip()]
    if isinstance(info, (msgspec.inspect.ListType, msgspec.inspect.VarTupleType)):
        return words
    if isinstance(info, msgspec.inspect.DictType):
        pairs = [word.partition("=") for word in words]
        if not all(equals for _, equals, _ in pairs):
            raise ValueError("expected NAME=VALUE between commas")
        return {name.strip(): text.strip() for name, _, text in pairs}
    return value
