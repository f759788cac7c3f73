from typing import Any

class Method:
    method: Any
