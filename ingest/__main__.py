"""`python -m ingest`: the `daybook` command without its script."""

from ingest.cli import main

main()
