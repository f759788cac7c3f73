"""Which accelerators the node has, as the kernel's drivers list them: no library is asked.

Sources: NVIDIA driver README, "/proc/driver/nvidia"; kernel's amdgpu documentation.
"""

import re

from pilothouse_agent.gpus.amdgpu import DRM, find_cards
from pilothouse_agent.host import Host

NVIDIA = "proc/driver/nvidia/gpus"
MAX_TEXT = 200
_MODEL = re.compile(r"^Model:\s*(\S.*?)\s*$", re.MULTILINE)


def read_models(host: Host) -> list[str]:
    """Return the model of each accelerator, "" where its driver does not tell it."""
    texts = (host.read(f"{NVIDIA}/{name}/information") for name in host.names(NVIDIA))
    matches = [_MODEL.search(text) for text in texts]
    names = [match[1] if match else "" for match in matches]
    names += [host.read(f"{DRM}/{card}/device/product_name") for card, _ in find_cards(host)]
    return [name.partition("\n")[0][:MAX_TEXT] for name in names]
