"""One module a question.

Each is a function from tables to a table, written in Ibis, so that it runs wherever the tables
live; its docstring says what it measures, where the idea comes from, and how an innocent customer
triggers it.
"""

from __future__ import annotations
