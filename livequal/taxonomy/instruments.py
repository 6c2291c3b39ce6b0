"""The legal instruments this project cites, by key. Dates are kept where they were read; None where not verified."""

from __future__ import annotations

from datetime import date

from livequal.taxonomy.rules import InstrumentKind, LegalInstrument

_LAW = InstrumentKind.LAW
_REGULATION = InstrumentKind.ADMINISTRATIVE_REGULATION
_RULE = InstrumentKind.DEPARTMENTAL_RULE
_GUIDE = InstrumentKind.GUIDELINE

INSTRUMENTS: dict[str, LegalInstrument] = {
    instrument.key: instrument
    for instrument in (
        LegalInstrument("O117", "直播电商监督管理办法", _RULE, date(2026, 2, 1)),
        LegalInstrument("O116", "网络交易平台规则监督管理办法", _RULE, date(2026, 2, 1)),
        LegalInstrument("O37", "网络交易监督管理办法", _RULE, date(2021, 5, 1)),
        LegalInstrument("AdL", "中华人民共和国广告法", _LAW, date(2015, 9, 1)),
        LegalInstrument("O72", "互联网广告管理办法", _RULE, date(2023, 5, 1)),
        LegalInstrument(
            "O21", "药品、医疗器械、保健食品、特殊医学用途配方食品广告审查管理暂行办法", _RULE, date(2020, 3, 1)
        ),
        LegalInstrument("Abs", "广告绝对化用语执法指南", _GUIDE, date(2023, 2, 25)),
        LegalInstrument("AUCL", "中华人民共和国反不正当竞争法", _LAW, date(2025, 10, 15)),
        LegalInstrument(
            "AUCL2019", "中华人民共和国反不正当竞争法（2019年修正）", _LAW, date(2019, 4, 23), date(2025, 10, 14)
        ),
        LegalInstrument("ECL", "中华人民共和国电子商务法", _LAW, date(2019, 1, 1)),
        LegalInstrument("CPL", "中华人民共和国消费者权益保护法", _LAW, date(2014, 3, 15)),
        LegalInstrument("CPR", "中华人民共和国消费者权益保护法实施条例", _REGULATION, date(2024, 7, 1)),
        LegalInstrument("CRP", "侵害消费者权益行为处罚办法", _RULE, date(2015, 3, 15)),
        LegalInstrument("FSL", "中华人民共和国食品安全法", _LAW, date(2015, 10, 1)),
        LegalInstrument("FSR", "中华人民共和国食品安全法实施条例", _REGULATION, date(2019, 12, 1)),
        LegalInstrument("FLR", "直播电商经营者落实食品安全主体责任监督管理规定", _RULE, date(2026, 3, 20)),
        LegalInstrument("CosR", "化妆品监督管理条例", _REGULATION, date(2021, 1, 1)),
        LegalInstrument("DevR", "医疗器械监督管理条例", _REGULATION, date(2021, 6, 1)),
        LegalInstrument("DrN", "药品网络销售监督管理办法", _RULE, date(2022, 12, 1)),
        LegalInstrument("HF", "保健食品注册与备案管理办法", _RULE, date(2016, 7, 1)),
        LegalInstrument("P56", "明码标价和禁止价格欺诈规定", _RULE, date(2022, 7, 1)),
        LegalInstrument("Pro", "规范促销行为暂行规定", _RULE, date(2020, 12, 1)),
        LegalInstrument("SVL", "市场监督管理严重违法失信名单管理办法", _RULE, date(2021, 9, 1)),
        LegalInstrument("Pen", "市场监督管理行政处罚程序规定", _RULE, date(2022, 11, 1)),
        LegalInstrument("APL", "中华人民共和国行政处罚法", _LAW, date(2021, 7, 15)),
        LegalInstrument("PIPL", "中华人民共和国个人信息保护法", _LAW, date(2021, 11, 1)),
        LegalInstrument("Face", "人脸识别技术应用安全管理办法", _RULE, date(2025, 6, 1)),
        LegalInstrument("Spot", "产品质量监督抽查管理暂行办法", _RULE, date(2020, 1, 1)),
        LegalInstrument("Rec", "消费品召回管理暂行规定", _RULE, date(2020, 1, 1)),
        LegalInstrument("Insp", "检验检测机构监督管理办法", _RULE, date(2021, 6, 1)),
        LegalInstrument("Lab", "食品标识监督管理办法", _RULE, date(2027, 3, 16)),
        LegalInstrument("TmL", "中华人民共和国商标法", _LAW, date(2019, 11, 1)),
        LegalInstrument("CertR", "中华人民共和国认证认可条例", _REGULATION),
        LegalInstrument("EnL", "中华人民共和国节约能源法", _LAW),
        LegalInstrument("Minors", "中华人民共和国未成年人保护法", _LAW, date(2021, 6, 1)),
        LegalInstrument("TobR", "中华人民共和国烟草专卖法实施条例", _REGULATION),
        LegalInstrument("CivC", "中华人民共和国民法典", _LAW, date(2021, 1, 1)),
        LegalInstrument("S102", "国市监质发〔2025〕102号", _GUIDE),
    )
}


def instrument(key: str) -> LegalInstrument:
    """The instrument of that key. Raises KeyError for a key that is not on file."""
    return INSTRUMENTS[key]
