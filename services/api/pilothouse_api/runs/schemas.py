"""Shapes of runs, their variables and functions."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pilothouse_common.contract.commands import NAME
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

State = Literal["running", "finished"]
Text = Annotated[str, StringConstraints(max_length=1000)]
Integer = Annotated[int, Field(strict=True, ge=-(2**63) + 1, le=2**63 - 1)]
Value = Annotated[bool, Field(strict=True)] | Integer | Annotated[float, Field(strict=True)] | Text

_RUN: dict[str, Any] = {
    "run_id": "0f3a5c7e9b1d.0123456789abcdef",
    "cluster": "alpha",
    "hostname": "n001",
    "name": "fluid",
    "state": "running",
    "user": "alice",
    "job_id": 4711,
    "rank": 0,
    "pid": 2345,
    "start_time": "2026-11-20T12:00:00Z",
    "end_time": None,
    "reason": None,
}
_VARIABLE: dict[str, Any] = {
    "name": "dt",
    "type": "float",
    "unit": "s",
    "writable": True,
    "min": 0.0,
    "max": 1.0,
    "value": 0.25,
    "time": 1795176000.5,
}


class RunItem(BaseModel):
    """One run: a simulation that connected to the agent of its node."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_RUN]})
    run_id: str
    cluster: str
    hostname: str = Field(description="node of its process")
    name: str | None = Field(description="what it calls itself")
    state: State
    user: str | None
    job_id: int | None
    rank: int | None = Field(description="its number in a parallel program")
    pid: int | None
    start_time: datetime | None = Field(description="of its process")
    end_time: datetime | None = Field(description="of its newest end; it may have connected again")
    reason: str | None = Field(description="how it ended")


class RunPage(BaseModel):
    """A page of runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_RUN], "next": None}]})
    items: list[RunItem]
    next: str | None = Field(description="path of the next page")


class VariableItem(BaseModel):
    """A variable with its newest value."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VARIABLE]})
    name: str
    type: Literal["float", "int", "bool", "string"]
    unit: str = ""
    writable: bool = False
    min: float | None = None
    max: float | None = None
    value: bool | int | float | str | None = Field(
        default=None, description="null: none came yet, or not a finite number"
    )
    time: float | None = Field(default=None, description="when the value came, Unix seconds")


class VariableList(BaseModel):
    """Every variable of a run."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_VARIABLE]}]})
    items: list[VariableItem]


class NewValue(BaseModel):
    """A value to set."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"value": 0.125}]})
    value: Value = Field(description="of the variable's type; an integer is a float too")


class ArgumentItem(BaseModel):
    """An argument of a function."""

    name: str
    type: Literal["float", "int", "bool", "string"]


class FunctionItem(BaseModel):
    """A function that may be called."""

    name: str
    arguments: list[ArgumentItem] = Field(default=[], description="all are required")


class FunctionList(BaseModel):
    """Every function of a run."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"name": "checkpoint", "arguments": []},
                        {
                            "name": "stop_after_step",
                            "arguments": [{"name": "step", "type": "int"}],
                        },
                    ]
                }
            ]
        }
    )
    items: list[FunctionItem]


class Call(BaseModel):
    """How to call a function."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"arguments": {"step": 1000}}]}
    )
    arguments: dict[Annotated[str, StringConstraints(pattern=NAME)], Value] = Field(
        default={}, max_length=16, description="values by name"
    )


class Called(BaseModel):
    """The function returned."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "written to ck.17"}]})
    text: str = Field(description="what the simulation says of it; often empty")
