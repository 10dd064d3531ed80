"""What Cal.com says: triggers, versions, and the way from a delivery's bytes to one event. Pure."""
