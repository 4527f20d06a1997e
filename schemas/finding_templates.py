"""The wording for findings that the product ships: what a visit looks at, by hazard category.

An aid for writing, never a finding: blanks stand where the inspector has to write what
they saw. The bodies go into Chinese records and are therefore Chinese only; a unit adds
wording of its own (schemas.tables.FindingTemplate).
"""

from dataclasses import dataclass

from schemas.words import Words

BLANK = "＿＿"


@dataclass(frozen=True, slots=True)
class ShippedTemplate:
    """One shipped wording; `category` is None where it serves for any."""

    code: str
    category: str | None
    words: Words
    body: str


def _of(code: str, category: str | None, zh: str, en: str, body: str) -> ShippedTemplate:
    return ShippedTemplate(code, category, Words(zh, en), body.replace("__", BLANK))


SHIPPED: tuple[ShippedTemplate, ...] = (
    _of("visit", None, "现场检查经过", "The visit",
        "__年__月__日__时，执法人员__、__到__现场检查，由__陪同，已出示执法证件。"),
    _of("not-found", None, "未发现所述情况", "Nothing of the kind found",
        "现场检查了__，未发现举报所述情况。检查时间距举报__日，已拍照__张。"),
    _of("closed", None, "现场无人经营", "Nobody on the premises",
        "到达现场时该处已停止经营，门面__。经向__了解，停业时间为__。已拍照__张。"),
    _of("dirty", "DIRTY_KITCHEN", "后厨环境卫生", "State of the kitchen",
        "后厨地面__、墙面__、灶台__、下水口__；垃圾桶__加盖；清洁记录__。已拍照__张。"),
    _of("toilet", "TOILET_ADJACENT", "厕厨相连", "Toilet and kitchen",
        "卫生间位于__，门__朝向食品处理区，距操作台约__米，__隔断或通风设施。"),
    _of("pest", "PEST", "鼠患虫害", "Traces of pests",
        "在__发现鼠迹（粪便、咬痕、洞口）__处、虫害__处；防鼠板、挡鼠网、灭蝇灯设置情况：__；"
        "消杀记录最近一次为__。已拍照__张。"),
    _of("cross", "CROSS_CONTAMINATION", "生熟不分", "Raw beside cooked",
        "冷藏柜内生熟__分开；刀具、砧板、容器__标识区分；生熟混放的食品为__，数量__。"),
    _of("utensil", "UTENSIL", "餐具和接触面", "Utensils and surfaces",
        "餐饮具消毒方式为__，保洁柜__；抽查__件，__件有污渍；消毒记录__。"),
    _of("expired", "EXPIRED", "过期食品", "Food past its date",
        "在__发现超过保质期食品：__，生产日期__，保质期至__，数量__；进货凭证__；"
        "已（封存／登记／拍照）。"),
    _of("spoiled", "SPOILED", "腐败变质或异物", "Spoiled food",
        "在__发现__（腐败变质／霉变／混有异物），数量__，感官性状为__；已（封存／抽样），抽样单号__。"),
    _of("recycled", "RECYCLED", "回收食品或非食用物质", "Recycled food",
        "发现疑似回收食品或非食用物质__，数量__，存放于__；当事人说明：__；已封存并__报告。"),
    _of("licence", "UNLICENSED", "食品经营许可", "Licence",
        "当事人（提供／未能提供）食品经营许可证，编号__，有效期至__；实际经营项目为__，"
        "与许可项目（一致／不一致）。"),
    _of("ghost", "GHOST_KITCHEN", "线上线下一致", "Address on the platform",
        "平台公示地址为__，实际经营地址为__，（一致／不一致）；平台公示许可证编号__，"
        "与现场（一致／不一致）。"),
    _of("hygiene", "STAFF_HYGIENE", "从业人员卫生", "Hygiene of staff",
        "在岗从业人员__人，未按规定穿戴工作衣帽__人、未戴口罩__人；洗手设施__。"),
    _of("health", "HEALTH_CERT", "健康证明", "Health certificates",
        "在岗从业人员__人，出示有效健康证明__人，未能出示的为__。"),
    _of("cold", "COLD_CHAIN", "冷藏冷链", "Cold chain",
        "冷藏柜显示__℃、实测__℃，冷冻柜显示__℃、实测__℃；温度记录__；存放食品为__。"),
    _of("waste", "FOOD_WASTE", "餐厨废弃物", "Kitchen waste",
        "餐厨废弃物存放于__，容器__加盖；收运单位为__，合同和台账__。"),
)  # fmt: skip


def shipped_for(categories: list[str]) -> tuple[ShippedTemplate, ...]:
    """Return the shipped wording for a case: of its categories first, then what serves for any."""
    own = tuple(each for each in SHIPPED if each.category in categories)
    return own + tuple(each for each in SHIPPED if each.category is None)
