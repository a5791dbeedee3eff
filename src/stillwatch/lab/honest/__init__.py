"""Kinds of group that do nothing wrong, each close to a campaign in one respect or several."""
