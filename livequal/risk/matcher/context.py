"""Whether words that match are really claimed: negation, a viewer's question, quoting and teaching. Pure.

All patterns run over short stretches of normalised text around a hit and are linear by their shape.
"""

from __future__ import annotations

import re

_SENTENCE_ENDS = "。！？；"
_CLAUSE_ENDS = "。！？；，、："
_REACH = 40

# Words with 不, 没, 别 … in them that deny nothing about what follows.
_NO_DENIAL = re.compile(
    "不得不|不仅仅?|不但|不光|不止|不只|不管|不论|无论|不愧|不错|不一样|没错|没准|没想到|没事|不说了|不用说|更不用|更别说|说不定|"
    "差不多|了不起|不好意思|没关系|别墅|别人|别家|别的|特别|级别|个别|分别|性别|告别|识别|区别|没有?人?比|不比|不信|不怕|"
    "不用再?(?:吃药|打针|去医院|化疗|手术|开刀|节食|运动|忌口|怀疑|想|犹豫|看|担心)|不吃药|不打针|不手术|不节食|不运动|不开刀|"
    "不需要|要不要|好不好|是不是|能不能|会不会|对不对|想不想|有没有|不买|不拍|不抢|不过|不然|不如|不要钱|不要犹豫|不要错过|"
    "别犹豫|别错过|别等|别眨眼|别走|没有之一|没毛病|没问题|没话说|不瞒|不骗|无敌|无比|无数|无效退|无效包|不管用"
)
_NEGATION = re.compile(
    "不是|并非|不能|不可以|不会|不敢|不得|不要|没有|没在|禁止|不许|不准|不承诺|不保证|不代表|不等于|不等同|不具备|不具有|不含|不讲|"
    "不说|不做|不打算|不卖|不收|不搞|不存在|不支持|不建议|不写|不提|不吹|不乱|不可能|不属于|不涉及|不宣称|不担保|不构成|不打包票|不夸|"
    "拒绝|杜绝|谈不上|算不上|称不上|说不上|从不|绝不|决不|别说|未必|无法|没法|没办法|不提供|没敢|没说|没讲|没写|从没|从来没|"
    "别指望|别想着|别信|别听|别去|别加|别把|别当|别跟|别在|别给|别拿|甭|谁敢|哪敢|哪能|哪有|没做过|没卖过|没有过|不太|"
    "不为|不以|不靠|不玩|不用来|不用于|不替|不拿|不碰|不给|不让|不走|不适用"
)
_NEGATION_BESIDE = re.compile("(?:不|没|别|非|无|未|勿|莫|休)(?:再|去|用|要|太|怎么|那么|这么|多|有|搞|做|来)?$")
_DOUBLE = re.compile("(?:不是|并非)(?:不|没)|不(?:能|会|可能|得|可)不|没有?(?:人|谁|一个)?不|没有.{0,6}(?:不|没)")
_REVERSAL = re.compile(
    "懂的都懂|懂得都懂|你懂|你们懂|都懂|懂我意思|懂的|自己悟|你品|细品|自己体会|心里有数|心里明白|心照不宣|"
    "(?:但|不过|可是?|却|只是|反正|其实)(?:是|呢)?.{0,8}(?:懂|悟|品|体会|自己(?:看|想|试|感受)|比药|顶得上|不比.{0,6}差|照样|一样(?:能|好)|"
    "吃了|喝了|用了|反馈|管用|见效|效果(?:你|大家|自己|真)|真的有|就是(?:能|这么))"
)
_SAID_NEGATION = re.compile("(?:不能|不让|不敢|不方便|不好|不可以|不许|没法|不准)(?:明)?(?:说|讲|提|打字|明讲)")
_BUT = re.compile("但|不过|可是|却|反正|其实|懂")
# What stands right after a claim and takes it back.
_TAKEN_BACK = re.compile(
    "^[^。！？；，]{0,8}?(?:我们?|咱们?|本店|我家|这边|咱家|这里|主播|老师|谁)?(?:一件|一律|一个|一单|一概|从来|绝对|真的|都|也|可|现在|暂时|实在)*"
    "(?:不|没|甭|谁)(?:敢|能|会|可|给|去|再|准|让|许|兴|好|有)?(?:说|讲|做|算|卖|收|碰|接|吹|承诺|保证|打|玩|搞|存在|写|提|乱|挂|有|敢|能|会|是|管用|用|许|合规|信)"
    "|^[^。！？；，]{0,6}(?:是|属于|都是|这是|就是|算)(?:违规|违法|假的|骗|忽悠|虚假|夸大|禁|红线|不对|不行|不合规|乱讲|瞎说|吹)"
    "|^[^。！？；，]{0,4}(?:为零|是零|(?:去|治|消|改|祛|除|淡)不(?:掉|了|好)|不了|不到|不得|不成|不好说|说不准|不一定|看个人|因人而异|谁说得准|没(?:有)?(?:半点|任何)?关系|谁敢(?:保证|说|讲)|反正我不敢)"
)
# The host's own refusal of what was just said, a clause or two later.
_REFUSED = re.compile(
    "^[^。！？；]{0,20}?[，、]?(?:这话?|这个|那个|我|咱们?|我们)?(?:可|就|真|从来)*(?:我不认|我不念|不念|我说了不算|我不敢|不敢当|不归我|接不了|说不出口|"
    "不搞这|不信这|不拿这个|不替(?:它|大夫|医生)|我(?:真)?不知道|没(?:这|那)个?(?:功能|功效|本事|能耐|说法|回事)|算我宣传|跟(?:它|我)没关系)"
)
_A_NOT_A = re.compile("([一-鿿])不\\1")
_DENIED = re.compile(
    "^[^。！？；]{0,6}[，。！？；]?[^。！？；]{0,10}?(?:不能|不会|不行|不可以|不可能|不是|没有|没法|治不了|做不到|不敢|不了|没那|不承诺|不保证|不存在|"
    "不好说|说不准|谁敢|去医院|看医生|问医生|上医院|遵医嘱|因人而异|看个人|别信|假的|不作数|不具备|我不讲|不太|不管|管不了|不得|不至于|没这|真不|可不)"
)
# A question the host puts and answers with a plain no: "保本？不保", "跟母乳一样？不一样".
_PLAIN_NO = re.compile(
    "^(?:不(?![用止但光仅信错愧管论只吃打买花得骗瞒怕])|没(?!错|问题|毛病|想到)|别(?!家|人|的|墅)|想都别|哪有|哪能|猜的|(?:它|这|那)就?是个?)"
)
_AFFIRMED = re.compile(
    "^[^。！？；]{0,4}[，。！？；]?[^。！？；]{0,4}?(?:能的|能[，。！]|可以|当然|是的|必须的|肯定|没问题|放心|一定|绝对|就是|对[，。！的]|有的|行[，。！的]|"
    "妥妥|包的|都能|全能|那还用|还用问|答案是|我告诉你)"
)
_ASKING = re.compile("问|请教|咨询|评论区|弹幕|公屏|有人说|有人打|打字|私信|留言|刷屏")
_QUESTION = re.compile(
    "吗|么[，。？！]|么$|？|能不能|可不可以|会不会|是不是|有没有|行不行|能否|可否|是否|好不好|管不管用|治不治"
)
_RHETORICAL = re.compile(
    "想不想|要不要|谁不|难道|还用|怕不怕|不心动|敢不敢|敢信|信不信|你说|"
    "值不值|香不香|知道吗|懂吗|是吧|听过|见过|哪里|去哪|凭什么|干嘛|何必|还不|还敢|你还"
)
_TEACHING = re.compile(
    "违规|违法|违禁|广告法|不能说|不能讲|不让说|不准说|不许说|不可以说|不要说|不要讲|别说成|别讲成|不能这么|不能乱|不能写|禁用词|敏感词|禁语|极限词|"
    "这(?:种|类|样|些)的?(?:词|话|说法|字眼|宣传|广告)|话术培训|被罚|处罚|罚了|罚款|罚单|虚假宣传|培训(?:的时候|时|上|课上|里|过|老师)|复盘|学员们|案例|举报|反诈|诈骗|骗局|谨防|警惕|"
    "当心|小心(?:那|有|别)|提醒(?:大家|各位|宝|你)|别信|不要信|不要相信|别相信|千万别|不可信|没有依据|辟谣|红线|合规|不许这么|以后不能|记住别|要扣分|"
    "课上讲|法律规定|规定不|不允许|八成是骗|都是骗|是骗子|是骗人|上当|受骗|别上|谣言|瞎话|都是扯|没依据|是老话|凡是(?:跟你|说|让)|"
    "这个?词|俩字|这叫法|没这(?:个|种)?(?:叫法|说法|服务)|噱头|不让(?:卖|叫)|犯法|犯罪|坐牢|是坑|都是坑|多半是坑|一律(?:拉黑|挂掉)|别学|"
    "不许喊|别再发|我删的|被?扣(?:了)?分|都是编的|瞎编|都是假的|就是假货|房管|公屏别刷|刷了禁言|问了就拉黑|打电话让你|冒充客服|道具|网名|菜名|款名|款的?名|俗名|旧称|(?:酒店|品牌|店)名|是个?造型|"
    "谁(?:要是|敢)?跟你(?:说|讲|保证)|但凡(?:有人|谁)|(?:两|三|四|几)个字|网上传|不沾边|不背书|是段子|是演的|报警|通报过|别听(?:人家?|他们|网上)|先(?:上|去)医院|注册商标"
)
_FALSE_TEACHING = re.compile("同行|别家|别人家|隔壁|他们家|不算违规|不怕罚|不怕违规|罚款我|被罚也")


def sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the sentence around [start, end) begins and ends, looking at most 40 characters either way."""
    return _border(text, start, _SENTENCE_ENDS), _next_border(text, end, _SENTENCE_ENDS)


def _border(text: str, start: int, marks: str) -> int:
    floor = max(0, start - _REACH)
    for place in range(start - 1, floor - 1, -1):
        if text[place] in marks:
            return place + 1
    return floor


def _next_border(text: str, end: int, marks: str) -> int:
    ceiling = min(len(text), end + _REACH)
    for place in range(end, ceiling):
        if text[place] in marks:
            return place
    return ceiling


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether the host denies the words at [start, end), and does not wink."""
    before = text[_border(text, start, _CLAUSE_ENDS) : start][-10:]
    after = text[end : end + _REACH]
    if _REVERSAL.search(after[:22]):
        return False
    plain = _NO_DENIAL.sub("〇", before)
    if not _DOUBLE.search(before) and (_NEGATION.search(plain[-8:]) or _NEGATION_BESIDE.search(plain)):
        said = _SAID_NEGATION.search(before)
        return not (said and _BUT.search(after[:12]))
    return _TAKEN_BACK.search(after) is not None or _REFUSED.search(after) is not None


def is_only_asked(text: str, start: int, end: int) -> bool:
    """Whether the words stand in a viewer's question that the host does not affirm."""
    if _A_NOT_A.match(text, start) or _A_NOT_A.match(text, max(0, start - 2)) or _A_NOT_A.match(text, start + 1):
        return not _AFFIRMED.search(text[end : end + _REACH])
    first, last = sentence(text, start, end)
    around = text[first : last + 1]
    if not _QUESTION.search(around) or _RHETORICAL.search(around):
        return False
    asked_at = text[max(0, first - _REACH) : start]
    viewer = _ASKING.search(asked_at[-24:])
    tail = text[end:]
    mark = _QUESTION.search(tail[: last - end + 1])
    answer = tail[mark.end() : mark.end() + _REACH] if mark else tail[:_REACH]
    if mark and mark[0].endswith("？") and _PLAIN_NO.match(answer) and not _REVERSAL.search(answer):
        return True
    denied, affirmed = _DENIED.search(answer), _AFFIRMED.search(answer)
    if denied and (not affirmed or denied.end() <= affirmed.end()):
        return True
    if affirmed:
        return False
    return viewer is not None and mark is not None


def is_taught(text: str, start: int, end: int) -> bool:
    """Whether the words are quoted as something one must not say or believe."""
    around = text[max(0, start - _REACH) : end + _REACH]
    if _TEACHING.search(around) is None or _FALSE_TEACHING.search(around):
        return False
    after = text[end : end + 22]
    return not (
        _REVERSAL.search(after) or (_SAID_NEGATION.search(text[max(0, start - 16) : end + 12]) and _BUT.search(after))
    )
