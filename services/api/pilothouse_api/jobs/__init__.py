"""/v1/jobs: lists, one job with its history, its series and statistics."""
