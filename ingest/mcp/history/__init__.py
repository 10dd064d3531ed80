"""Daybook's own history for agents: one file for each group of tools, all of one shape. `toolset` serves them."""
