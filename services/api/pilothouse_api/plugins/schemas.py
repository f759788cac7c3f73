"""Shapes of the list of plugins."""

from pydantic import BaseModel, ConfigDict, Field


class PluginPath(BaseModel):
    """One path of a plugin."""

    method: str = Field(examples=["GET"])
    path: str = Field(examples=["/v1/plugins/licences/free"])
    scope: str = Field(description="what a token needs", examples=["nodes:read"])
    summary: str = Field(description="what it answers", examples=["Free licences"])


class PluginItem(BaseModel):
    """One plugin that the gateway was told to load."""

    name: str = Field(examples=["licences"])
    version: str = Field(description="of its distribution; empty when unknown", examples=["1.2"])
    problem: str = Field(description="why it does not work; empty while it does", examples=[""])
    paths: list[PluginPath]


class PluginPage(BaseModel):
    """All plugins."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "licences",
                            "version": "1.0",
                            "problem": "",
                            "paths": [
                                {
                                    "method": "GET",
                                    "path": "/v1/plugins/licences/free/{product}",
                                    "scope": "nodes:read",
                                    "summary": "Free licences",
                                }
                            ],
                        }
                    ],
                    "next": None,
                }
            ]
        }
    )
    items: list[PluginItem]
    next: str | None = Field(default=None, description="always null: one page")
