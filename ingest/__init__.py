"""Every door into Daybook: deliveries, commands, the API. Starlette and Typer are imported only here."""
