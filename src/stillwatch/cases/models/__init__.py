"""The tables, a module a subject."""

from stillwatch.cases.models.accounts import UNVERIFIED, Account
from stillwatch.cases.models.appeals import Appeal, AppealState
from stillwatch.cases.models.audit import AuditEntry, Head
from stillwatch.cases.models.base import Base, Salted, new_salt
from stillwatch.cases.models.cases import (
    Case,
    CaseLink,
    CaseShare,
    CaseStatus,
    Member,
    MemberTrait,
    Note,
    Scan,
    Sighting,
    Trait,
)
from stillwatch.cases.models.decisions import Decision, DecisionState, Measure, MeasureState
from stillwatch.cases.models.people import (
    ApiToken,
    LoginAttempts,
    LoginSession,
    SetupLink,
    User,
)
from stillwatch.cases.models.signups import Signup
from stillwatch.cases.models.verification import Delivery, RequestState, StepUp, Verification

__all__ = [
    "UNVERIFIED",
    "Account",
    "ApiToken",
    "Appeal",
    "AppealState",
    "AuditEntry",
    "Base",
    "Case",
    "CaseLink",
    "CaseShare",
    "CaseStatus",
    "Decision",
    "DecisionState",
    "Delivery",
    "Head",
    "LoginAttempts",
    "LoginSession",
    "Measure",
    "MeasureState",
    "Member",
    "MemberTrait",
    "Note",
    "RequestState",
    "Salted",
    "Scan",
    "SetupLink",
    "Sighting",
    "Signup",
    "StepUp",
    "Trait",
    "User",
    "Verification",
    "new_salt",
]
