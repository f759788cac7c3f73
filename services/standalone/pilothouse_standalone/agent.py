"""Settings of the agent in a process that is all of it: what it collects is set as for every agent."""

import os
from collections.abc import Mapping

from pilothouse_agent.settings import AgentSettings
from pilothouse_common.runtime.settings import PREFIX, load


def agent_settings(environ: Mapping[str, str] = os.environ, **given: str | float) -> AgentSettings:
    """Return the settings of the environment, in which those that the process itself decides win.

    Raises:
        ConfigError: One of them is wrong.
    """
    ours = {PREFIX + name.upper(): str(value) for name, value in given.items()}
    ours[f"{PREFIX}HOOK_SPOOL_DIR"] = ""
    ours[f"{PREFIX}HEALTH_PORT"] = "-1"
    return load(AgentSettings, service="agent", environ={**environ, **ours})
