"""What we decide: rule files, expressions, and which runs an event causes. Pure: no SQL, no HTTP, no clock."""
