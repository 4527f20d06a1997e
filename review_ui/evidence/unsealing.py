"""Opens what is sealed: who reported, and the original photo whose metadata may tell it.

Both need the right at the case's unit and a reason, and both leave an entry in the
audit log, written in the transaction that opened the seal and committed before
anybody sees what was in it (Order 121 art. 37; Food Safety Law art. 115).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from schemas import audit
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput
from schemas.sealing import HIDDEN, Sealer, hide_phones
from schemas.tables import Case, CaseReport, Photo, Report, Rider, Unit
from schemas.words import Words

REASON_LENGTHS = range(2, 501)

# Why a seal may be opened. The person adds what it is about in their own words.
REASONS: dict[str, Words] = {
    "contact": Words("向举报人核实情况", "Ask the reporter about the facts"),
    "reward": Words("核发举报奖励", "Pay out a reward"),
    "protection": Words("举报人受到打击报复，需要保护", "Protect the reporter from retaliation"),
    "false-report": Words("涉嫌诬告陷害", "Suspected false accusation"),
    "authority": Words(
        "法院、检察院、公安或纪检监察机关依法调取", "Lawful request of a court or an authority"
    ),
    "other": Words("其他", "Other"),
}

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/avif": "avif",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody opens a seal: a code of REASONS and their own words."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a reporter is; shown once, never kept and never logged."""

    pseudonym: str
    name: str
    phone: str
    platform: str
    station: str
    employee_number: str


@dataclass(frozen=True, slots=True)
class Original:
    """An original photo file in the store, and the name and type it is handed out by."""

    sha256: str
    content_type: str
    filename: str


def read_reason(code: str, text: str) -> Reason:
    """Return a reason as it is to be kept.

    Raises InvalidInput `reason-code-unknown` or `reason-missing`.
    """
    if code not in REASONS:
        raise InvalidInput(
            "reason-code-unknown",
            Words("请选择查看的理由。", "Choose why you open it."),
            field="reason_code",
        )
    plain = " ".join(text.replace("\0", " ").split())
    if len(plain) not in REASON_LENGTHS:
        raise InvalidInput(
            "reason-missing",
            Words(
                "请写明具体事由（2 到 500 个字），审计员会看到。",
                "Write down what it is about (2 to 500 characters); the auditor will read it.",
            ),
            field="reason",
        )
    return Reason(code, plain)


def may_unseal(session: Session, *, case: Case, staff: SignedIn) -> bool:
    """Whether someone may open seals in a case: they hold the right at its unit or above."""
    paths = staff.paths(Right.UNSEAL)
    return bool(paths) and session.get_one(Unit, case.unit_id).path.startswith(paths)


def pseudonym_of_link(session: Session, *, case: Case, link_id: UUID) -> str:
    """Return the pseudonym of a report that stands in the case; raises NotFound."""
    found = session.scalars(
        select(CaseReport.pseudonym).where(
            CaseReport.id == link_id,
            CaseReport.case_id == case.id,
            CaseReport.unlinked_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        raise not_found()
    return found


def is_anonymous(session: Session, *, case: Case, pseudonym: str) -> bool:
    """Whether the reporter of that pseudonym gave no name; raises NotFound for nobody's."""
    return _rider_id(session, case, pseudonym) is None


def open_identity(
    session: Session,
    *,
    case: Case,
    pseudonym: str,
    staff: SignedIn,
    sealer: Sealer,
    reason: Reason,
) -> Identity:
    """Return who stands behind a pseudonym of the case, and write down who asked and why.

    Raises NotFound outside of the person's right, InvalidInput `reporter-anonymous`,
    Conflict `reporter-erased`. Call it in a transaction and show nothing before the
    commit.
    """
    if not may_unseal(session, case=case, staff=staff):
        raise not_found()
    rider_id = _rider_id(session, case, pseudonym)
    if rider_id is None:
        raise InvalidInput(
            "reporter-anonymous",
            Words(
                "这是匿名举报，系统里没有举报人的信息。",
                "This report is anonymous: nothing is known of who sent it.",
            ),
            field="pseudonym",
        )
    rider = session.get_one(Rider, rider_id)
    if rider.erased_at is not None:
        raise Conflict(
            "reporter-erased",
            Words(
                "举报人的个人信息已依法删除，无法查看。",
                "The reporter's personal data was erased as the law asks; nothing is left.",
            ),
        )
    profile = sealer.open(rider.sealed_profile)
    identity = Identity(
        pseudonym=pseudonym,
        **{
            name: str(profile.get(name, ""))
            for name in ("name", "phone", "platform", "station", "employee_number")
        },
    )
    personal = (identity.name, identity.phone, identity.employee_number)
    _note(
        session,
        case,
        staff,
        "reporter_unsealed",
        {"pseudonym": pseudonym, **_kept(reason, personal)},
    )
    return identity


def open_original(
    session: Session, *, case: Case, photo_id: UUID, staff: SignedIn, reason: Reason
) -> Original:
    """Return where an original photo of the case lies, and write down who asked and why.

    Raises NotFound outside of the person's right, or for a photo of no report that
    stands in the case.
    """
    if not may_unseal(session, case=case, staff=staff):
        raise not_found()
    row = session.execute(
        select(Photo, CaseReport.pseudonym)
        .join(CaseReport, CaseReport.report_id == Photo.report_id)
        .where(
            Photo.id == photo_id,
            CaseReport.case_id == case.id,
            CaseReport.unlinked_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        raise not_found()
    photo, pseudonym = row
    _note(
        session,
        case,
        staff,
        "original_opened",
        {"pseudonym": pseudonym, "sha256": photo.sha256, **_kept(reason, ())},
    )
    extension = EXTENSIONS.get(photo.content_type, "bin")
    return Original(
        sha256=photo.sha256,
        content_type=photo.content_type,
        filename=f"{case.number}-{photo.sha256[:8]}.{extension}",
    )


def hide_personal(text: str, personal: Iterable[str] = ()) -> str:
    """Return a text without phone numbers and without the words that name a person."""
    for word in personal:
        if len(word) > 1:
            text = text.replace(word, HIDDEN)
    return hide_phones(text)


def _kept(reason: Reason, personal: Iterable[str]) -> dict[str, str]:
    # The log can't forget: what somebody wrote of the person must not get into it.
    return {"reason_code": reason.code, "reason": hide_personal(reason.text, personal)}


def _note(
    session: Session, case: Case, staff: SignedIn, action: str, after: dict[str, str]
) -> None:
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action=action,
        subject=("case", case.id),
        after={"number": case.number, **after},
    )
    session.flush()


def _rider_id(session: Session, case: Case, pseudonym: str) -> UUID | None:
    """Return the rider behind a pseudonym, None for an anonymous one; raises NotFound."""
    found = session.execute(
        select(Report.rider_id)
        .join(CaseReport, CaseReport.report_id == Report.id)
        .where(
            CaseReport.case_id == case.id,
            CaseReport.pseudonym == pseudonym,
            CaseReport.unlinked_at.is_(None),
        )
        .limit(1)
    ).first()
    if found is None:
        raise not_found()
    rider_id: UUID | None = found[0]
    return rider_id
