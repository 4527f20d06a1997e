"""Every table, one file a concept; importing this package registers them all."""

from schemas.tables.audit import AuditEntry, AuditSeal, AuditVerification, AuditWaiting
from schemas.tables.bulletins import (
    BulletinDelivery,
    BulletinDraft,
    BulletinIssue,
    BulletinSubscriber,
    ShopFinding,
)
from schemas.tables.calendars import LoadedCalendar
from schemas.tables.campaigns import (
    Campaign,
    CampaignEvent,
    CampaignInvitation,
    CampaignShop,
    CampaignTask,
    CampaignTip,
)
from schemas.tables.cases import (
    Case,
    CaseAct,
    CaseDecision,
    CaseHistory,
    CaseProposal,
    CaseReport,
    RouteDecision,
)
from schemas.tables.draws import Draw, DrawFrame, DrawResult, DrawSeed
from schemas.tables.honours import HonourConsent, HonourPlace, HonourRoll, Supply
from schemas.tables.identity import (
    Invitation,
    PersonalCode,
    ReportRisk,
    RiderConsent,
    Station,
    StationProfile,
    StationVisit,
)
from schemas.tables.jurisdictions import Jurisdiction, Unit
from schemas.tables.mall import PointOffer, PointRedemption
from schemas.tables.notes import (
    CaseAttachment,
    CaseMention,
    CaseNote,
    CaseTask,
    FindingTemplate,
)
from schemas.tables.notices import (
    CaseNews,
    Delivery,
    MessengerLink,
    Notice,
    PushSubscription,
    ReportNews,
    Suggestion,
)
from schemas.tables.photos import (
    HashBlock,
    HashList,
    HashSegment,
    Match,
    Photo,
    PhotoExamination,
    PhotoHash,
)
from schemas.tables.queue import CaseWords, OpenSquare, OpenSquaresCount, SavedView
from schemas.tables.regions import PhotoRegions, RegionBlock, RegionList, RegionSegment
from schemas.tables.reports import (
    Claim,
    IdempotencyKey,
    Report,
    ReportProgress,
    ReportStep,
    Supplement,
    Withdrawal,
)
from schemas.tables.retention import LegalHold, NightlyRun
from schemas.tables.rewards import PointAccount, PointAward, PointEntry, PointExclusion
from schemas.tables.riders import Rider, RiderToken, SignInCode
from schemas.tables.spans import CaseSpan
from schemas.tables.staff import (
    Staff,
    StaffLink,
    StaffRecoveryCode,
    StaffRole,
    StaffSession,
    StaffToken,
)
from schemas.tables.statutory import RewardClaim, RewardEntry
from schemas.tables.triggers import APPEND_ONLY
from schemas.tables.uploads import Upload
from schemas.tables.wording import write_words

__all__ = [
    "APPEND_ONLY",
    "AuditEntry",
    "AuditSeal",
    "AuditVerification",
    "AuditWaiting",
    "BulletinDelivery",
    "BulletinDraft",
    "BulletinIssue",
    "BulletinSubscriber",
    "Campaign",
    "CampaignEvent",
    "CampaignInvitation",
    "CampaignShop",
    "CampaignTask",
    "CampaignTip",
    "Case",
    "CaseAct",
    "CaseAttachment",
    "CaseDecision",
    "CaseHistory",
    "CaseMention",
    "CaseNews",
    "CaseNote",
    "CaseProposal",
    "CaseReport",
    "CaseSpan",
    "CaseTask",
    "CaseWords",
    "Claim",
    "Delivery",
    "Draw",
    "DrawFrame",
    "DrawResult",
    "DrawSeed",
    "FindingTemplate",
    "HashBlock",
    "HashList",
    "HashSegment",
    "HonourConsent",
    "HonourPlace",
    "HonourRoll",
    "IdempotencyKey",
    "Invitation",
    "Jurisdiction",
    "LegalHold",
    "LoadedCalendar",
    "Match",
    "MessengerLink",
    "NightlyRun",
    "Notice",
    "OpenSquare",
    "OpenSquaresCount",
    "PersonalCode",
    "Photo",
    "PhotoExamination",
    "PhotoHash",
    "PhotoRegions",
    "PointAccount",
    "PointAward",
    "PointEntry",
    "PointExclusion",
    "PointOffer",
    "PointRedemption",
    "PushSubscription",
    "RegionBlock",
    "RegionList",
    "RegionSegment",
    "Report",
    "ReportNews",
    "ReportProgress",
    "ReportRisk",
    "ReportStep",
    "RewardClaim",
    "RewardEntry",
    "Rider",
    "RiderConsent",
    "RiderToken",
    "RouteDecision",
    "SavedView",
    "ShopFinding",
    "SignInCode",
    "Staff",
    "StaffLink",
    "StaffRecoveryCode",
    "StaffRole",
    "StaffSession",
    "StaffToken",
    "Station",
    "StationProfile",
    "StationVisit",
    "Suggestion",
    "Supplement",
    "Supply",
    "Unit",
    "Upload",
    "Withdrawal",
    "write_words",
]
