"""Indicators out and in: what providers tell each other without telling on customers."""
