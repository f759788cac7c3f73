"""/ping, /version, /stop: about the process itself."""

import logging
from typing import TYPE_CHECKING

from starlette.background import BackgroundTask
from starlette.responses import Response

from pilothouse_api.compat.jumonc.respond import json_answer, text_answer

if TYPE_CHECKING:
    from pilothouse_api.compat.jumonc.call import Call

log = logging.getLogger(__name__)
SPOKEN_VERSION = "0.9.1"


def ping(_call: "Call") -> Response:
    """Say that somebody is there."""
    return text_answer("PONG.\n")


def version(_call: "Call") -> Response:
    """Tell which JuMonC's form it is."""
    return json_answer({"JuMonC_version": SPOKEN_VERSION})


def stop(call: "Call") -> Response:
    """End the process after the answer; refuse where it belongs to more than one allocation."""
    end = call.space.options.stop
    if end is None:
        text = "This gateway serves more than one job: its operator stops it. Nothing was stopped."
        return text_answer(text, 403)
    log.info("stopped through /stop", extra={"subject": call.caller.subject})
    answer = json_answer("Stopping server and shutting down JuMonC\n")
    answer.background = BackgroundTask(end)
    return answer
