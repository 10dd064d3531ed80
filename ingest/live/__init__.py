"""The history as it is written, to whoever listens: one look at SQL for all of a process, as server-sent events."""
