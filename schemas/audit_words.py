"""What each entry of the audit log says, in plain words."""

from collections.abc import Mapping
from typing import Any

from schemas.acts import ActCode, act_of
from schemas.lifecycle import STATE_NAMES, State
from schemas.words import Words

# `{state}` stands for the state that was brought or proposed, or for the act; `{pseudonym}` for
# the reporter's.
ACTIONS: dict[str, Words] = {
    "reporter_unsealed": Words("查看了 {pseudonym} 的身份", "opened who {pseudonym} is"),
    "original_opened": Words(
        "打开了 {pseudonym} 的照片原件", "opened an original photo of {pseudonym}"
    ),
    "evidence_taken": Words("导出了证据包", "took the evidence package"),
    "case_opened": Words("立了案件", "opened the case"),
    "case_advanced": Words("把案件改为“{state}”", "moved the case to “{state}”"),
    "case_proposed": Words("提出“{state}”，待第二人签字", "proposed “{state}”, to be signed"),
    "case_sent_back": Words("退回了待签字的“{state}”", "sent the proposal “{state}” back"),
    "case_assigned": Words("改了经办人", "changed who has it in hand"),
    "case_linked": Words("并入了一份举报", "linked a report to it"),
    "case_unlinked": Words("移出了一份举报", "took a report out of it"),
    "case_merged": Words("并入了另一案件", "merged another case into it"),
    "case_unmerged": Words("撤销了并案", "undid a merge"),
    "case_supplemented": Words("收到举报人的补充", "received what the reporter added"),
    "case_withdrawn": Words("举报人撤回了举报", "noted that the reporter withdrew"),
    "case_flagged": Words("加了系统提示", "set a hint"),
    "case_acted": Words("办理了“{state}”", "did “{state}”"),
    "case_noted": Words("写了备注", "wrote a note"),
    "case_attached": Words("加了附件", "attached a file"),
    "case_task_added": Words("安排了复查任务", "set a task of re-inspection"),
    "case_task_done": Words("登记了复查任务的结果", "recorded the result of a task"),
    "case_due_changed": Words("按公布的日历重算了期限", "counted the due date anew"),
    "case_held": Words("要求保留案件的个人信息", "put a legal hold on the case"),
    "case_released": Words("解除了保留", "ended the legal hold"),
    "cases_exported": Words("导出了案件清单", "exported a list of cases"),
    "incident_suggested": Words("提示可能是同一线索", "suggested that it is the same incident"),
    "match_rejected": Words("认定不是同一线索", "said that it is another incident"),
    "points_earned": Words("按规则记了一笔待审核的积分", "awarded points, to be approved"),
    "points_approved": Words("审核通过了一笔积分", "approved an award of points"),
    "points_refused": Words("审核未通过一笔积分", "refused an award of points"),
    "points_reversed": Words("冲回了一笔积分", "reversed an award of points"),
    "redemption_held": Words("用积分兑换了一项", "took something for points"),
    "redemption_spent": Words("发放了一项兑换", "handed out what was taken for points"),
    "redemption_returned": Words("退回了一项兑换和积分", "gave back what was taken for points"),
    "offer_made": Words("上架了一项积分兑换", "made an offer for points"),
    "offer_changed": Words("改了一项积分兑换", "changed an offer for points"),
    "claim_applied": Words("申请了法定举报奖励", "applied for a statutory reward"),
    "claim_approved": Words("批准了法定举报奖励", "approved a statutory reward"),
    "claim_refused": Words("未批准法定举报奖励", "refused a statutory reward"),
    "claim_reversed": Words("撤销了法定举报奖励的批准", "reversed the approval of a reward"),
    "claim_paid": Words("登记了法定举报奖励的发放", "recorded the payment of a reward"),
    "supply_given": Words("登记了慰问物资", "recorded supplies that were given"),
    "supply_cancelled": Words("作废了一条慰问物资", "cancelled a record of supplies"),
    "honours_published": Words("公布了光荣榜", "published a list of honour"),
    "honours_ended": Words("撤下了光荣榜", "took a list of honour down"),
    "rider.honour_consent_given": Words("一名骑手同意在光荣榜署名", "a rider agreed to be named"),
    "rider.honour_consent_withdrawn": Words("一名骑手收回署名同意", "a rider withdrew that"),
    "offer_ended": Words("下架了一项积分兑换", "ended an offer for points"),
    "points_restored": Words("恢复了一条举报的计分资格", "let a tip earn points again"),
    "report.received": Words("收到举报", "received a report"),
    "report.supplemented": Words("收到举报补充", "received a supplement"),
    "report.withdrawn": Words("举报被撤回", "took a withdrawal"),
    "report.rematched": Words("按现行阈值重新比对了举报", "compared a report anew"),
    "report.requeued": Words("让举报重新排队", "queued a report again"),
    "rider.registered": Words("登记了一名骑手", "registered a rider"),
    "rider.token_issued": Words("发给一名骑手登录凭证", "issued a rider's token"),
    "rider.tokens_revoked": Words("停用了一名骑手的登录凭证", "revoked a rider's tokens"),
    "rider.signed_in": Words("一名骑手登录", "a rider signed in"),
    "rider.consent_given": Words("一名骑手同意使用定位", "a rider agreed to the use of the place"),
    "rider.consent_withdrawn": Words("一名骑手收回定位同意", "a rider withdrew that consent"),
    "rider.verified": Words("核实了一名骑手的身份", "verified who a rider is"),
    "rider.listed": Words("平台名单确认了一名骑手", "found a rider on a platform's list"),
    "rider.supervisor_set": Words("任命了食品安全监督员", "appointed a food-safety supervisor"),
    "rider.supervisor_ended": Words("免去了食品安全监督员", "ended a supervisor's appointment"),
    "campaign_made": Words("建立了走访活动", "made a campaign of visits"),
    "campaign_offered": Words("邀请监督员参加走访活动", "asked supervisors to take part"),
    "campaign_closed": Words("提前结束了走访活动", "closed a campaign before its end"),
    "campaign_accepted": Words(
        "一名监督员同意参加走访活动", "a supervisor takes part in a campaign"
    ),
    "campaign_declined": Words("一名监督员不参加走访活动", "a supervisor takes no part in it"),
    "campaign_task_taken": Words("领取了一项走访任务", "took the task of a visit"),
    "campaign_task_handed_back": Words("退回了一项走访任务", "handed the task of a visit back"),
    "campaign_task_done": Words("登记了一项走访任务的结果", "recorded what came of a visit"),
    "campaign_visit_rejected": Words("认定一次走访无效", "rejected a visit"),
    "invitation_made": Words("发出了骑手邀请码", "made an invitation for riders"),
    "invitation_shown": Words("打开了骑手邀请海报", "opened the poster of an invitation"),
    "invitation_ended": Words("停用了骑手邀请码", "ended an invitation for riders"),
    "station_made": Words("登记了站点终端", "registered a station's terminal"),
    "station_renewed": Words("换发了站点终端令牌", "renewed a station's token"),
    "station_placed": Words(
        "登记了站点的位置和主管机构", "said where a station lies and whose it is"
    ),
    "station_changed": Words("修改了站点服务", "changed what a station offers"),
    "station_ended": Words("停用了站点终端", "ended a station's terminal"),
    "rider.devices_ended": Words("一名骑手退出了设备", "a rider signed devices out"),
    "rider.erased": Words("删除了一名骑手的个人信息", "erased a rider's personal data"),
    "rider.messenger_linked": Words("骑手开通了消息提醒", "a rider asked to be told by messenger"),
    "rider.messenger_unlinked": Words(
        "骑手关闭了消息提醒", "a rider asked not to be told by messenger any more"
    ),
    "suggestion.received": Words("收到骑手的建议或诉求", "received what a rider suggests"),
    "suggestion.answered": Words("回复了骑手的建议或诉求", "answered what a rider suggests"),
    "jurisdiction.loaded": Words("载入了辖区边界", "loaded boundaries"),
    "bulletin_published": Words("签发了周报", "signed and published a bulletin"),
    "repeat_shops_exported": Words(
        "导出了反复查实的店铺", "exported the shops that were verified repeatedly"
    ),
    "draw_prepared": Words("准备了一次随机抽取", "prepared a random draw"),
    "draw_made": Words("进行了随机抽取", "made a random draw"),
    "bulletin_subscriber_added": Words("添加了周报收件人", "added a subscriber of the bulletin"),
    "bulletin_subscriber_ended": Words("停止了周报收件人", "let a subscriber of the bulletin go"),
    "calendar_loaded": Words("载入了工作日历", "loaded the calendar of working days"),
    "keys_rotated": Words("用新密钥重新封存", "sealed everything anew under the newest key"),
    "staff_added": Words("添加了工作人员", "added a member of staff"),
    "staff_activated": Words("启用了账号", "let the account in again"),
    "staff_deactivated": Words("停用了账号", "shut the account"),
    "staff_token_added": Words("建立了接口令牌", "made an API token"),
    "staff_token_revoked": Words("停用了接口令牌", "revoked an API token"),
    "sign_in_link_made": Words("发出了登录链接", "made a sign-in link"),
    "sign_in_locked": Words("密码多次错误，账号锁定", "was locked after wrong passwords"),
    "signed_in": Words("登录", "signed in"),
    "session_ended": Words("结束了一个登录", "ended a session"),
    "sessions_ended": Words("结束了全部登录", "ended all sessions"),
    "password_changed": Words("改了密码", "changed a password"),
    "recovery_codes_made": Words("生成了备用验证码", "made recovery codes"),
    "second_factor_set": Words("设置了第二重验证", "set a second factor"),
    "second_factor_removed": Words("取消了第二重验证", "removed a second factor"),
    "role_given": Words("授予了角色", "gave a role"),
    "role_taken": Words("收回了角色", "took a role away"),
}

# What opens a seal or takes evidence away: an auditor looks here first.
UNSEALINGS = ("reporter_unsealed", "original_opened", "evidence_taken")

ACTOR_NAMES: dict[str, Words] = {
    "rider": Words("骑手", "A rider"),
    "anonymous": Words("匿名举报人", "An anonymous reporter"),
    "pipeline": Words("系统", "The system"),
    "operator": Words("运维人员（命令行）", "The operator (command line)"),
    "staff": Words("工作人员", "Staff"),
    "station": Words("站点", "A station"),
}


def told(action: str, after: Mapping[str, Any]) -> Words:
    """Return what an entry says, its state or act filled in; `{pseudonym}` is left to the page.

    `after` is the entry's. An action of another edition of the table is told by its code.
    """
    words = ACTIONS.get(action, Words(action, action))
    name = Words("", "")
    if after.get("act") in set(ActCode):
        name = act_of(ActCode(after["act"])).words
    elif after.get("state") in set(State):
        name = STATE_NAMES[State(after["state"])]
    return Words(words.zh.replace("{state}", name.zh), words.en.replace("{state}", name.en))
