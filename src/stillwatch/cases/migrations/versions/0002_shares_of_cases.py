"""Shares of a case's requests by capability, model and hour, from what its last scan found."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema."""
    shares = op.create_table(
        "case_shares",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_shares_case_id")),
        sa.PrimaryKeyConstraint("case_id", "kind", "value", name=op.f("pk_case_shares")),
    )
    op.create_index("ix_case_shares_value", "case_shares", ["kind", "value", "share"])
    cases = sa.table("cases", sa.column("id", sa.Integer), sa.column("finding", sa.String))
    connection = op.get_bind()
    for case_id, finding in connection.execute(sa.select(cases.c.id, cases.c.finding)).all():
        rows = [
            {"case_id": case_id, "kind": kind, "value": value, "share": share}
            for kind, value, share in _shares(json.loads(finding))
            if share > 0
        ]
        if rows:
            connection.execute(sa.insert(shares), rows)


def _shares(campaign: dict[str, Any]) -> list[tuple[str, str, float]]:
    named = {"capability": campaign["capabilities"], "model": campaign["models"]}
    return [
        # a name may hold NUL, which is kept as `models.base.Text` keeps it
        *(
            (kind, value.replace("\x00", "\U0010fffe"), share)
            for kind, shares in named.items()
            for value, share in shares.items()
        ),
        *(("hour", str(hour), share) for hour, share in enumerate(campaign["hours"])),
    ]
