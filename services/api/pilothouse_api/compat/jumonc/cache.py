"""/v1/cache: stored answers, by page and by id."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pilothouse_common.store.records import CompatAnswer, CompatAnswerRepository
from starlette.responses import Response

from pilothouse_api.compat.jumonc.numbers import parse_int
from pilothouse_api.compat.jumonc.respond import json_answer, text_answer

if TYPE_CHECKING:
    from pilothouse_api.compat.jumonc.call import Call

DEFAULT_ENTRIES = 10
MAX_ENTRIES = 1000
MAX_PAGE = 10**9
MAX_PATTERN_LENGTH = 255


def show_list(call: "Call") -> Response:
    """Return one page: an object about the page, then the answers, the newest first."""
    entries = _number(call, "entries", DEFAULT_ENTRIES)
    page = _number(call, "page", 1)
    pattern = call.query.get("path")
    if not 1 <= page <= MAX_PAGE:
        return text_answer(f"Pages start with 1, you set page number to: {page}", 422)
    if not 1 <= entries <= MAX_ENTRIES:
        return text_answer(f"entries: 1 to {MAX_ENTRIES}, not {entries}", 422)
    if len(pattern or "") > MAX_PATTERN_LENGTH:
        return text_answer(f"path: at most {MAX_PATTERN_LENGTH} characters", 422)
    space = call.space
    space.answers.flush()
    wanted = space.answers.seen_by(call.caller, pattern)
    start = (page - 1) * entries
    with space.ports.records.reading() as session:
        repository = CompatAnswerRepository(session)
        total = repository.count(wanted)
        answers = repository.page(wanted, offset=start, limit=entries)
    last = max(1, -(-total // entries))
    index: dict[str, Any] = {
        "page": page,
        "description": f"Showing cache elements for {start} to {start + entries}, "
        "most recent results first",
        "total entries": total,
        "last page": last,
        "path filter": pattern or "",
    }
    if page > 1:
        index["previous page"] = _page_link(call, entries, pattern, page - 1)
    if page < last:
        index["next page"] = _page_link(call, entries, pattern, page + 1)
    return json_answer([index, *(_item(call, answer) for answer in answers)])


def show_one(call: "Call") -> Response:
    """Return one stored answer."""
    answer_id = parse_int(call.query.get("id"))
    if answer_id is None:
        return text_answer("Missing an id argument: which answer?", 400)
    body = stored_answer(call, answer_id)
    if body is None:
        text = f"Cache entry with ID {answer_id} could not be found. "
        return text_answer(f"{text}You can use /v1/cache/list to see all available entries", 400)
    return json_answer(body)


def stored_answer(call: "Call", answer_id: int) -> dict[str, Any] | None:
    """Return a stored answer that the caller may see, as it is shown; None: there is none."""
    space = call.space
    space.answers.flush()
    with space.ports.records.reading() as session:
        wanted = space.answers.seen_by(call.caller)
        answer = CompatAnswerRepository(session).get(answer_id, wanted)
    if answer is None:
        return None
    return {
        "Used API path": answer.path,
        "time": _written(answer.time),
        "parameter": answer.parameters,
        "results": answer.results,
    }


def _item(call: "Call", answer: CompatAnswer) -> dict[str, Any]:
    return {
        "ID": answer.id,
        "time": _written(answer.time),
        "link": f"{call.space.options.prefix}/v1/cache/id/?id={answer.id}",
        "API_path": answer.path,
    }


def _page_link(call: "Call", entries: int, pattern: str | None, page: int) -> str:
    query: dict[str, Any] = {}
    if entries != DEFAULT_ENTRIES:
        query["entries"] = entries
    if pattern is not None:
        query["path"] = pattern
    query["page"] = page
    return f"{call.space.options.prefix}/v1/cache/list/?{urlencode(query, safe='*/')}"


def _number(call: "Call", name: str, default: int) -> int:
    number = parse_int(call.query.get(name))
    return default if number is None else number


def _written(time: datetime) -> str:
    """Return a time as JuMonC writes it: of this machine's zone, which it does not name."""
    return time.astimezone().strftime("%d.%m.%Y, %H:%M:%S")
