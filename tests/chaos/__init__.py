"""What is done to Daybook to see whether an effect still happens once. `make chaos` at length, the suite in small."""
