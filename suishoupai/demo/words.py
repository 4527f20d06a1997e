"""What the demo's riders write: shops that do not exist, and what was wrong there."""

import random

# Category → what a rider would type. The categories are the ones riders meet most.
SAID: dict[str, tuple[str, ...]] = {
    "DIRTY_KITCHEN": (
        "取餐时看到后厨地面全是油污和菜叶，灶台很久没擦过。",
        "后厨墙面发黑，抽油烟机一直往下滴油。",
        "等餐二十分钟，看见水池里生熟餐具泡在一起，地上积水。",
    ),
    "PEST": (
        "货架下面有老鼠跑过去，墙角有鼠粪。",
        "操作台上有好几只蟑螂，店员看见了也没管。",
    ),
    "CROSS_CONTAMINATION": (
        "同一块案板切完生肉直接切熟食。",
        "冰柜里生肉和做好的凉菜放在一层，没有盖。",
    ),
    "UTENSIL": (
        "打包盒直接放在地上，桶里的勺子沾着黑垢。",
        "抹布掉地上捡起来接着擦碗。",
    ),
    "EXPIRED": (
        "调料架上的蚝油过期两个多月了，还在用。",
        "冷柜里的丸子包装日期是去年的。",
    ),
    "SPOILED": (
        "盆里的肉颜色发绿，味道很大。",
        "菜里有虫子，后厨的青菜已经烂了还在择。",
    ),
    "STAFF_HYGIENE": (
        "厨师没戴帽子口罩，边抽烟边炒菜。",
        "打包的人没戴手套，直接用手抓凉菜。",
    ),
    "TOILET_ADJACENT": ("厕所门正对着灶台，洗菜池就在厕所里面。",),
    "UNLICENSED": ("小区住宅里做外卖，没有看到任何证照。",),
    "CERT_NOT_SHOWN": ("店里没有挂食品经营许可证，问了说在老板家里。",),
    "GHOST_KITCHEN": ("平台上的地址是一楼门面，实际在地下室做，和照片完全不是一家店。",),
    "COLD_CHAIN": ("冷冻肉在门口化了一上午，血水流到路上。",),
    "FOOD_WASTE": ("泔水桶没有盖，就放在出餐口旁边。",),
    "STREET_OCCUPATION": ("炉子和桌子摆到人行道上，行人只能走马路。",),
    "FIRE_SAFETY": ("液化气罐放在楼道里，安全出口堆满了纸箱。",),
}
# How often each comes, of market regulation's; the others are planned one by one.
COMMON = (
    "DIRTY_KITCHEN", "DIRTY_KITCHEN", "DIRTY_KITCHEN", "STAFF_HYGIENE", "STAFF_HYGIENE", "UTENSIL",
    "UTENSIL", "CROSS_CONTAMINATION", "CROSS_CONTAMINATION", "PEST", "EXPIRED", "SPOILED",
    "COLD_CHAIN", "FOOD_WASTE", "CERT_NOT_SHOWN", "TOILET_ADJACENT", "UNLICENSED", "GHOST_KITCHEN",
)  # fmt: skip

_OWNERS = (
    "老张",
    "胖姐",
    "二哥",
    "小刘",
    "阿强",
    "春梅",
    "老街",
    "北方",
    "家和",
    "福满",
    "顺来",
    "好旺",
)
_DISHES = (
    "麻辣烫", "鸡架", "抻面", "冷面", "盖浇饭", "黄焖鸡", "饺子馆", "烧烤", "米线", "炸串", "粥铺",
    "小炒", "酸菜鱼", "汉堡", "奶茶",
)  # fmt: skip
_ROADS = (
    "文化路",
    "青年大街",
    "北站路",
    "建设路",
    "民主路",
    "幸福街",
    "长江街",
    "学院路",
    "市场街",
)


def shop(number: int) -> str:
    """Return the name of an invented shop; no two numbers under 1,620 share one."""
    owner = _OWNERS[number % len(_OWNERS)]
    dish = _DISHES[number // len(_OWNERS) % len(_DISHES)]
    road = _ROADS[number // (len(_OWNERS) * len(_DISHES)) % len(_ROADS)]
    return f"{owner}{dish}（{road}店）"


def street_address(draw: random.Random) -> str:
    """Return an invented street and number."""
    return f"{draw.choice(_ROADS)}{draw.randint(1, 199)}号"


def said(category: str, draw: random.Random) -> str:
    """Return what a rider writes about a hazard of this category."""
    return draw.choice(SAID[category])
