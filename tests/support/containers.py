"""Is there a container engine for the servers that Debian does not have?"""

import os
from pathlib import Path


def engine_runs() -> bool:
    """Tell whether testcontainers would find a Docker engine."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    return not host.startswith("unix://") or Path(host.removeprefix("unix://")).is_socket()
