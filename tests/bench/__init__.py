"""`python -m tests.bench`: how fast Daybook is beside other designs on this machine. It asserts nothing."""
