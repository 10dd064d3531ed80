"""A stand-in Cal.com for demos and tests: the organization tools of API v2, and signed deliveries.

It follows what Cal.com does, faults included, and shares no code with Daybook's own client: what both get wrong
would otherwise never be seen. Everything is in memory; nothing here is for production.
"""
