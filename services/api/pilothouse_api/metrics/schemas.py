"""Shapes of the catalogue of metrics."""

from pydantic import BaseModel, ConfigDict, Field


class MetricItem(BaseModel):
    """One metric."""

    name: str = Field(examples=["cpu_user"])
    unit: str = Field(description="empty for a plain number", examples=["%"])
    combine: str = Field(description="how values of several nodes become one: sum, avg or max")
    group: str = Field(description="heading under which people look for it")
    help: str = Field(description="one sentence")
    type: str = Field(description="gauge, or counter for what only grows", examples=["gauge"])


class MetricPage(BaseModel):
    """The whole catalogue."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "cpu_user",
                            "unit": "%",
                            "combine": "avg",
                            "group": "CPU",
                            "help": "Time in user code.",
                            "type": "gauge",
                        }
                    ],
                    "next": None,
                }
            ]
        }
    )
    items: list[MetricItem]
    next: str | None = Field(default=None, description="always null: one page")
