"""What a list of jobs may be asked."""

from datetime import datetime
from typing import Annotated

from pilothouse_common.store.records.jobs import JobFilter, JobSort
from pydantic import BaseModel, ConfigDict, Field

from pilothouse_api.access.caller import Caller
from pilothouse_api.paging import MAX_LIMIT
from pilothouse_api.times import parse_window
from pilothouse_api.words import Word

Words = Annotated[list[Word], Field(max_length=50)]
Time = Annotated[str, Field(max_length=40)]


class JobQuery(BaseModel):
    """Query parameters of GET /v1/jobs."""

    model_config = ConfigDict(extra="forbid")
    user: Words = Field(default=[], description="any of these users")
    account: Words = Field(default=[], description="any of these accounts")
    partition: Words = Field(default=[], description="any of these partitions")
    state: Words = Field(
        default=[], description="any of these Slurm base states", examples=[["RUNNING"]]
    )
    node: Word | None = Field(default=None, description="jobs that had this node")
    name: Word | None = Field(
        default=None, description="the whole name, or its beginning when it ends in `*`"
    )
    cluster: Word | None = Field(default=None, description="only of this cluster")
    start: Time | None = Field(
        default=None, description="jobs that ran at or after: RFC 3339, Unix seconds or `-1h`"
    )
    end: Time | None = Field(
        default=None, description="jobs that ran before: RFC 3339, Unix seconds or `-1h`"
    )
    sort: JobSort = Field(default="-start_time", description="`-` in front: descending")
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT, description="items per page")
    cursor: str | None = Field(
        default=None,
        max_length=1024,
        description="where the page begins: taken from `next`, never made by hand",
    )

    def filter(self, caller: Caller, now: datetime) -> JobFilter | None:
        """Return which jobs; None: the caller sees none at all.

        Raises:
            Malformed: The window is wrong.
        """
        start, end = parse_window(self.start, self.end, now)
        visible = caller.visible_jobs()
        if visible is None:
            return None
        return JobFilter(
            cluster=self.cluster,
            users=self.user,
            accounts=self.account,
            partitions=self.partition,
            states=self.state,
            node=self.node,
            name=self.name,
            start=start,
            end=end,
            visible=visible,
        )
