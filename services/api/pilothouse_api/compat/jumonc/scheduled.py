"""/v1/scheduled: requests that are repeated."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from pilothouse_common.errors import Malformed, NotFound
from pilothouse_common.store.records import CompatTask, CompatTaskRepository
from starlette.responses import Response

from pilothouse_api.compat.jumonc import metrics
from pilothouse_api.compat.jumonc.answers import audience_of
from pilothouse_api.compat.jumonc.cache import stored_answer
from pilothouse_api.compat.jumonc.numbers import parse_int
from pilothouse_api.compat.jumonc.options import PREFIX
from pilothouse_api.compat.jumonc.question import read_question
from pilothouse_api.compat.jumonc.respond import json_answer

if TYPE_CHECKING:
    from pilothouse_api.compat.jumonc.call import Call

MIN_INTERVAL_MS, MAX_INTERVAL_MS = 100, 31 * 86_400_000
MAX_TASKS = 100
NOT_RUN = 100
"""JuMonC's HTTP status of what has not run yet."""
_LIST = '" /v1/scheduled/list"'
_PARAMETERS = frozenset({"node", "humanReadable", "duration", "interface"})
_MAX_LENGTH = 255


def show_list(call: "Call") -> Response:
    """Return all tasks that the caller may see."""
    with call.space.ports.records.reading() as session:
        wanted = call.space.answers.seen_by(call.caller)
        tasks = CompatTaskRepository(session).page(wanted, limit=MAX_TASKS * 10)
    return json_answer([_item(task) for task in tasks] or "no tasks scheduled right now")


def schedule(call: "Call") -> Response:
    """Keep a task; it runs at once and then again and again."""
    interval, text = parse_int(call.query.get("interval")), call.query.get("task")
    if interval is None:
        return json_answer("interval argument missing", 400)
    if text is None:
        return json_answer("task argument missing", 400)
    if not MIN_INTERVAL_MS <= interval <= MAX_INTERVAL_MS:
        return json_answer(f"interval: {MIN_INTERVAL_MS} to {MAX_INTERVAL_MS} milliseconds", 400)
    try:
        path, parameters = _parse(text)
    except (Malformed, NotFound) as exc:
        return json_answer(f"task: {exc}", 400)
    space, caller = call.space, call.caller
    with space.ports.records.session() as session:
        tasks = CompatTaskRepository(session)
        if tasks.count(caller.subject) >= MAX_TASKS:
            return json_answer(f"there are {MAX_TASKS} tasks: cancel one first", 400)
        task_id = tasks.add(
            CompatTask(
                subject=caller.subject,
                audience=audience_of(caller),
                jti=caller.jti,
                path=path,
                parameters=parameters,
                interval_ms=interval,
                next_time=space.ports.clock.now(),
            )
        )
    space.scheduler.look_after(0.0)
    return json_answer(f"Scheduled task with ID {task_id}")


def cancel(call: "Call") -> Response:
    """Forget a task."""
    task_id = _id_of(call)
    if task_id is None:
        return json_answer("ID argument missing", 400)
    with call.space.ports.records.session() as session:
        tasks = CompatTaskRepository(session)
        task = tasks.get(task_id, call.space.answers.seen_by(call.caller))
        if task is None:
            return json_answer(f"id argument is wrong, see {_LIST} for valid IDs", 400)
        tasks.remove(task_id)
    return json_answer(f"Scheduled task with id {task_id} was canceled")


def result(call: "Call") -> Response:
    """Return the last answer of a task; 425 as long as there is none."""
    task_id = _id_of(call)
    if task_id is None:
        return json_answer("ID argument missing", 400)
    with call.space.ports.records.reading() as session:
        wanted = call.space.answers.seen_by(call.caller)
        task = CompatTaskRepository(session).get(task_id, wanted)
    if task is None:
        return json_answer("wrong scheduling id supplied", 400)
    found = stored_answer(call, task.last_answer_id) if task.last_answer_id is not None else None
    if found is None:
        text = f"no result available for this task yet. See the status using {_LIST}"
        return json_answer(text, 425)
    return json_answer(found)


def _parse(text: str) -> tuple[str, dict[str, str]]:
    """Return the path of a metric and its parameters; a token among them is dropped.

    Raises:
        NotFound: The path is that of no metric.
        Malformed: Parameters that make no sense.
    """
    path, _, query = text.partition("?")
    while path.startswith(f"{PREFIX}/"):
        path = path.removeprefix(PREFIX)
    metric = metrics.find(path)
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50) if query else []
    parameters = {name: value for name, value in pairs if name in _PARAMETERS}
    if any(len(value) > _MAX_LENGTH for value in parameters.values()):
        raise Malformed(f"a parameter has more than {_MAX_LENGTH} characters")
    read_question(parameters)
    return metric.path, parameters


def _id_of(call: "Call") -> int | None:
    found = parse_int(call.query.get("id"))
    return parse_int(call.query.get("ID")) if found is None else found


def _item(task: CompatTask) -> dict[str, Any]:
    ran = task.last_time is not None
    query = f"?{urlencode(task.parameters)}" if task.parameters else ""
    return {
        "id": task.id,
        "task": task.path + query,
        "interval_ms": task.interval_ms,
        "result_last_id": -1 if task.last_answer_id is None else task.last_answer_id,
        "exec_time_last": _milliseconds(task.last_time),
        "exec_time_next": _milliseconds(task.next_time) if ran else 0,
        "http_status": NOT_RUN if task.http_status is None else task.http_status,
    }


def _milliseconds(time: datetime | None) -> int:
    return 0 if time is None else round(time.timestamp() * 1000)
