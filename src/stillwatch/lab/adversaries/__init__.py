"""Operators who harvest answers through accounts whose common control they hide."""
