"""Who may do what: roles and what each is for, as one table.

A role is held at a unit and reaches down that unit's tree. What is outside it
does not exist for the holder (404), so that nobody learns of a case by its number.
"""

from enum import StrEnum

from schemas.words import Words


class Role(StrEnum):
    """A staff member's role at a unit."""

    DISPATCHER = "dispatcher"
    INSPECTOR = "inspector"
    BUREAU_HEAD = "bureau_head"
    STATISTICIAN = "statistician"
    REWARD_OFFICER = "reward_officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


ROLE_NAMES: dict[Role, Words] = {
    Role.DISPATCHER: Words("分派员", "Dispatcher"),
    Role.INSPECTOR: Words("执法人员", "Inspector"),
    Role.BUREAU_HEAD: Words("负责人", "Bureau head"),
    Role.STATISTICIAN: Words("统计员", "Statistician"),
    Role.REWARD_OFFICER: Words("奖励专员", "Reward officer"),
    Role.AUDITOR: Words("审计员", "Auditor"),
    Role.ADMINISTRATOR: Words("管理员", "Administrator"),
}


class Right(StrEnum):
    """Something a signed-in person may be let into."""

    SEE_CASES = "see_cases"
    WORK_CASES = "work_cases"
    SEE_COUNTS = "see_counts"
    PUBLISH_BULLETINS = "publish_bulletins"
    UNSEAL = "unseal"
    TAKE_EVIDENCE = "take_evidence"
    SEE_AUDIT = "see_audit"
    HOLD_CASES = "hold_cases"
    RELEASE_CASES = "release_cases"
    ANSWER_SUGGESTIONS = "answer_suggestions"
    INVITE_RIDERS = "invite_riders"
    RUN_CAMPAIGNS = "run_campaigns"
    MANAGE_STAFF = "manage_staff"
    MANAGE_REWARDS = "manage_rewards"
    DECIDE_STATUTORY = "decide_statutory"
    PAY_STATUTORY = "pay_statutory"


RIGHTS: dict[Right, frozenset[Role]] = {
    # Statistics, rewards and administration need no single case (Order 121 art. 37).
    Right.SEE_CASES: frozenset({Role.DISPATCHER, Role.INSPECTOR, Role.BUREAU_HEAD}),
    Right.WORK_CASES: frozenset({Role.DISPATCHER, Role.INSPECTOR, Role.BUREAU_HEAD}),
    Right.SEE_COUNTS: frozenset(
        {Role.DISPATCHER, Role.INSPECTOR, Role.BUREAU_HEAD, Role.STATISTICIAN}
    ),
    # A bulletin is signed by whoever is appointed to count, and by nobody who is counted.
    Right.PUBLISH_BULLETINS: frozenset({Role.STATISTICIAN}),
    # Who a reporter is, and the original photo, whose metadata may tell it (domain §7).
    Right.UNSEAL: frozenset({Role.BUREAU_HEAD}),
    Right.TAKE_EVIDENCE: frozenset({Role.INSPECTOR, Role.BUREAU_HEAD}),
    Right.SEE_AUDIT: frozenset({Role.AUDITOR}),
    # A head is served the court's papers; but whoever may be sued lets nothing go again.
    Right.HOLD_CASES: frozenset({Role.AUDITOR, Role.BUREAU_HEAD}),
    Right.RELEASE_CASES: frozenset({Role.AUDITOR}),
    # Who receives what riders send answers it, and the head answers for the office. It needs
    # no case, and who works on shops needs no word of riders.
    Right.ANSWER_SUGGESTIONS: frozenset({Role.DISPATCHER, Role.BUREAU_HEAD}),
    # Who receives what riders send brings them in. Not who decides on their points: whoever
    # may do both could reward riders of their own making.
    Right.INVITE_RIDERS: frozenset({Role.DISPATCHER, Role.BUREAU_HEAD}),
    # Who asks supervisors to visit shops knows the shops and never who went there. Not who
    # decides on their points: an officer knows accounts, and would learn whose was where.
    Right.RUN_CAMPAIGNS: frozenset({Role.DISPATCHER, Role.BUREAU_HEAD}),
    Right.MANAGE_STAFF: frozenset({Role.ADMINISTRATOR}),
    # Who decides on points must not be who verified: a role of its own (domain §9).
    Right.MANAGE_REWARDS: frozenset({Role.REWARD_OFFICER}),
    # Money takes two: an officer decides, and the head of the office has it paid.
    Right.DECIDE_STATUTORY: frozenset({Role.REWARD_OFFICER}),
    Right.PAY_STATUTORY: frozenset({Role.BUREAU_HEAD}),
}
