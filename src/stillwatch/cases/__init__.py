"""The human side: cases, decisions, approvals, verification, appeals, sign-ups and the audit trail.

Everything lives in one database (SQLite or PostgreSQL) behind `storage.Storage`. A change is a
function that takes a `Unit` (one transaction by one actor) and leaves an audit entry; what is in
force goes out as `stillwatch.standing.Snapshot` and nothing here knows the guard that reads it.
"""

from stillwatch.cases.actors import Actor, Permission, Role
from stillwatch.cases.rules import Rules
from stillwatch.cases.storage import Storage, Unit

__all__ = ["Actor", "Permission", "Role", "Rules", "Storage", "Unit"]
