"""MCP: Cal.com's 37 tools, and Daybook's own history, for agents. What a server offers is in the files beside."""
