"""Indicators out and in: what providers tell each other about campaigns, without telling on customers."""
