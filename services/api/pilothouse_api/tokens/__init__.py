"""/v1/tokens: mint narrower ones, list, revoke."""
