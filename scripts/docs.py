"""Write every generated document into docs/; with --check, say what is not up to date and exit 1."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import NODEFAULT, structs
from pilothouse_common.contract import asyncapi
from pilothouse_common.contract.commands import COMMAND_TYPES
from pilothouse_common.contract.events import EVENT_TYPES
from pilothouse_common.runtime.settings import PREFIX, Settings, describe, is_secret

ROOT = Path(__file__).resolve().parent.parent


def documents() -> Iterator[tuple[str, str]]:
    """Yield (path under docs/, text) of every generated document."""
    yield "asyncapi.json", _json(asyncapi.document())
    yield "openapi.json", _openapi()
    for name, cls in EVENT_TYPES.items():
        yield f"schemas/{name}.v1.json", _json(asyncapi.event_schema(cls))
    for name, command in COMMAND_TYPES.items():
        yield f"schemas/{name}.v1.json", _json(asyncapi.command_schema(command))
    yield "schemas/reply.v1.json", _json(asyncapi.reply_schema())
    yield "events.md", _events()
    yield "commands.md", _commands()
    yield "configuration.md", _configuration()
    yield "record-tables.md", _record_tables()


def settings_classes() -> dict[str, type[Settings]]:
    """Return the settings of every process (imported here: the documents of one need no other)."""
    from pilothouse_agent.settings import AgentSettings
    from pilothouse_api.settings import ApiSettings
    from pilothouse_dispatcher.settings import DispatcherSettings
    from pilothouse_ingest.settings import IngestSettings
    from pilothouse_sender.settings import SenderSettings

    return {
        "agent": AgentSettings,
        "ingest": IngestSettings,
        "api": ApiSettings,
        "dispatcher": DispatcherSettings,
        "sender": SenderSettings,
    }


def _openapi() -> str:
    from pilothouse_api import openapi

    return openapi.render()


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _events() -> str:
    lines = [
        "# Events",
        "",
        "Made by `make docs` from `contract/events.py`. The envelope is CloudEvents 1.0 structured JSON;",
        "schemas are in `docs/schemas/`. Optional fields are left out when nobody knows them.",
    ]
    for name, cls in EVENT_TYPES.items():
        lines += [
            "",
            f"## {name}",
            "",
            " ".join((cls.__doc__ or "").split()),
            "",
            "| field | required |",
            "|---|---|",
        ]
        lines += [f"| `{f.name}` | {'yes' if f.required else 'no'} |" for f in structs.fields(cls)]
    return "\n".join(lines) + "\n"


def _commands() -> str:
    lines = [
        "# Commands",
        "",
        "Made by `make docs` from `contract/commands.py`. Exchange `pilothouse.commands`, key",
        "`run.<run id>.<verb>`; the reply has the key that the command names. Schemas are in",
        "`docs/schemas/`, what they are for is in [steering.md](steering.md).",
        "",
        "| command | arguments | asks |",
        "|---|---|---|",
    ]
    for name, cls in COMMAND_TYPES.items():
        names = ", ".join(f"`{f.name}`" for f in structs.fields(cls)) or "none"
        lines.append(f"| `{name}` | {names} | {' '.join((cls.__doc__ or '').split())} |")
    return "\n".join(lines) + "\n"


def _record_tables() -> str:
    from pilothouse_common.store.records.models import Base
    from sqlalchemy.dialects.postgresql import dialect

    lines = [
        "# Tables of the record store",
        "",
        "Made by `make docs` from `store/records/models.py`, with PostgreSQL's types. What they mean and",
        "how they are filled: [records.md](records.md).",
    ]
    models = sorted(Base.__subclasses__(), key=lambda model: model.__tablename__)
    for model in models:
        table = Base.metadata.tables[model.__tablename__]
        lines += ["", f"## {table.name}", "", " ".join((model.__doc__ or "").split()), ""]
        lines += ["| column | type | null |", "|---|---|---|"]
        for column in table.columns:
            kind = str(column.type.compile(dialect()))
            key = " (key)" if column.primary_key else ""
            null = "yes" if column.nullable else "no"
            lines.append(f"| `{column.name}`{key} | {kind} | {null} |")
        indexes = sorted((str(index.name), index) for index in table.indexes)
        lines += [""] if indexes else []
        for name, index in indexes:
            lines.append(f"- index `{name}` ({', '.join(c.name for c in index.columns)})")
    return "\n".join(lines) + "\n"


def _configuration() -> str:
    lines = [
        "# Configuration",
        "",
        "Made by `make docs` from the settings classes. Every setting is an environment variable",
        "`PILOTHOUSE_<NAME>`, or `<name> = …` in the TOML file named by `PILOTHOUSE_CONFIG` (top level for",
        "all processes, `[agent]`, `[ingest]`, … for one; the environment wins). A secret may also come from",
        "a file: `PILOTHOUSE_<NAME>_FILE` is its path. Lists are words between commas, tables",
        "NAME=VALUE between commas. A wrong setting is one line on standard error and exit code 2.",
    ]
    for service, cls in settings_classes().items():
        lines += ["", f"## {service}", "", "| variable | default | meaning |", "|---|---|---|"]
        for field in structs.fields(cls):
            default = "required" if field.required else f"`{_default(field)}`"
            secret = " (secret)" if is_secret(cls, field.name) else ""
            meaning = describe(cls, field.name).replace("|", "\\|")
            lines.append(f"| `{PREFIX}{field.name.upper()}` | {default} | {meaning}{secret} |")
    return "\n".join(lines) + "\n"


def _default(field: structs.FieldInfo) -> str:
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    return json.dumps(value, default=str).replace("|", "\\|")


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when something differs"
    )
    check = parser.parse_args().check
    stale = []
    for name, text in documents():
        path = ROOT / "docs" / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    if check and stale:
        print(f"not up to date (run `make docs`): {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
