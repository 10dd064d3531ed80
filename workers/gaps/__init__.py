"""What is missing in the history: what the tools tell, compared with what they told before. Pure; values in and out.

One file says which fields of each list are compared (`parts`), one how (`compare`), one what an event says of a change
(`telling`), one what the history lacks of a booking (`bookings`). Reading, and writing down, is `workers.reconcile`'s.
"""
