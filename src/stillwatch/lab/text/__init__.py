"""Prompts: a grammar of our own, real text where a file of it is given, and campaign wording."""
