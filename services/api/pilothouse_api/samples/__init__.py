"""POST /v1/samples: the https carrier of samples."""
