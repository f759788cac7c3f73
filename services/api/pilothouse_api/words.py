"""Short texts in requests: what no store has to see is refused here."""

from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints

Word = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""A name: no control characters."""
ClusterQuery = Annotated[Word | None, Query(description="only of this cluster", examples=["alpha"])]
