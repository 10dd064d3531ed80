"""Everything behind the queue: what a worker process loads. Never imports `ingest`."""
