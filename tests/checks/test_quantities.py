"""Numbers with units are compared as quantities; names with a number in them are none; a score keeps its order."""

from __future__ import annotations

import pytest

from stages.checks.numbers import numbers
from stages.records.record import Record


def strongest(source: tuple[str, str], target: tuple[str, str]) -> float:
    pair: list[Record] = [{"lang": lang, "text": text, "extractions": []} for lang, text in (source, target)]
    return max((item.strength for item in numbers(pair[0], pair[1])), default=0.0)


SAME = [
    (("ja", "予算は5兆3529億円。"), ("zh", "预算为5万3529亿日元。")),
    (("ja", "予算は5兆3529億円。"), ("en", "The budget is 5.3529 trillion yen.")),
    (("ja", "記録は2分8秒43。"), ("en", "The time was 2:08.43.")),
    (("ja", "記録は2分8秒43。"), ("zh", "成绩是2分08秒43。")),
    (("en", "She ran 63:05."), ("ja", "1時間3分5秒で走った。")),
    (("en", "It lasts 1 minute 50 seconds."), ("zh", "持续110秒。")),
    (("en", "He is 6 feet tall."), ("ja", "身長は約1.8メートル。")),
    (("en", "A 6-foot-1 player."), ("zh", "身高1米85的球员。")),
    (("en", "Heat it to 350°F."), ("ja", "175℃に熱する。")),
    (("en", "A 14-mile branch."), ("zh", "约22公里的支线。")),
    (("ja", "最大瞬間風速は60メートル。"), ("en", "Gusts reached 216 km/h.")),
    (("en", "It was -20°F in Duluth."), ("zh", "德卢斯气温为零下29摄氏度。")),
    (("en", "It hit 110 degrees in Phoenix."), ("ja", "フェニックスでは43度に達した。")),
    (("ja", "中心気圧は945ヘクトパスカル。"), ("zh", "中心气压945百帕。")),
    (("en", "Two to four inches of snow fell."), ("ja", "雪が5〜10センチ積もった。")),
    (("en", "The lake is down another foot."), ("zh", "湖水位又下降了约30厘米。")),
    (("en", "It drifted 6 nautical miles off."), ("zh", "漂到约11公里外。")),
    (("ja", "寛永期の屏風である。"), ("en", "A screen of the Kan'ei era (1624-1644).")),
    (("en", "Add 1 1/2 cups."), ("zh", "加1½杯。")),
    (("en", "Add 1 1/2 cups."), ("ja", "1と1/2カップを足す。")),
    (("ja", "重さは1.5キロ。"), ("zh", "重1500克。")),
    (("ja", "COVID-19の患者が8人。"), ("zh", "新冠患者8人。")),
    (("en", "a hundredth of a second"), ("ja", "100分の1秒")),
    (("ja", "最急勾配は30分の1だ。"), ("en", "The steepest grade is 1 in 30.")),
    (("ja", "後半40分に得点した。"), ("en", "He scored in the 85th minute.")),
    (("ja", "三十数曲を採った。"), ("en", "He noted more than thirty songs.")),
    (("ja", "5対3で勝った。"), ("en", "They won 5-3.")),
    (("en", "She took 2 hours 31 minutes, 19 seconds more than him."), ("ja", "彼より19秒遅い2時間31分だった。")),
    (("ja", "1時間0分12秒で走った。"), ("en", "She ran it in 1 hour and 12 seconds.")),
    (("en", "A room eight foot by ten."), ("ja", "2.4メートル×3メートルの部屋。")),
    # a converted quantity is rounded to the last place that is stated, or cut to it
    (("en", "It takes 1.1 gallons."), ("ja", "約4リットル要る。")),
    (("en", "He drove at 45 mph."), ("ja", "時速約70キロで走った。")),
    (("en", "A peak of 29,032 feet."), ("zh", "一座海拔8848米的山峰。")),
    # hours of a day that ends after midnight, with a dot, and the middle of a year
    (("en", "It has 798 hexagonal pieces."), ("zh", "由798块六边形镜片组成。")),
    (("ja", "25時に始まる。"), ("en", "It starts at 1 a.m.")),
    (("ja", "26時開演。"), ("zh", "凌晨2点开演。")),
    (("en", "Open from 9.30pm until 3.30 the next day."), ("ja", "午後9時半から翌日3時半まで開く。")),
    (("en", "Doors open at 7.45pm."), ("zh", "晚上7点45分开门。")),
    (("en", "It ends by mid-2026."), ("ja", "2026年半ばに終わる。")),
    # what follows a unit is of the next lower place
    (("zh", "一斤卖五块八。"), ("en", "It sells at 5.8 yuan.")),
    (("en", "He is 1.85 metres tall."), ("zh", "他身高一米八五。")),
    (("en", "He is 1.8 metres tall."), ("zh", "他一米八。")),
    (("ja", "2時間45分遅れた。"), ("en", "It left two hours and 45 minutes late.")),
    (("en", "Fewer than one in twenty can write it."), ("zh", "会写的不到二十分之一。")),
    (("zh", "旅客多了四成半。"), ("en", "There were 45 per cent more travellers.")),
    (("zh", "飞了两万一千多个小时。"), ("en", "He flew more than 21,000 hours.")),
    (("en", "The 1845 from Aberdeen turned back."), ("ja", "アバディーン発18時45分の便は引き返した。")),
    (("ja", "80代半ばの人。"), ("zh", "八十五岁上下的人。")),
    (("ja", "80代半ばの人。"), ("en", "A woman in her mid-eighties.")),
]
OTHER = [
    (("ja", "予算は5兆3529億円。"), ("zh", "预算为5万3592亿日元。")),
    (("ja", "予算は5兆3529億円。"), ("zh", "预算为5亿3529万日元。")),
    (("ja", "記録は2分8秒43。"), ("en", "The time was 2:08.34.")),
    (("ja", "記録は2分8秒43。"), ("zh", "成绩是3分08秒43。")),
    (("en", "He is 6 feet tall."), ("ja", "身長は約2.1メートル。")),
    (("en", "Heat it to 350°F."), ("ja", "195℃に熱する。")),
    (("en", "A 14-mile branch."), ("zh", "约14.5公里的支线。")),
    (("en", "It was -20°F in Duluth."), ("zh", "德卢斯气温为29摄氏度以上，达36度。")),
    (("ja", "最大瞬間風速は60メートル。"), ("en", "Gusts reached 126 km/h.")),
    (("ja", "寛永期の屏風である。"), ("en", "A screen of 1624.")),
    (("en", "It weighs 45 kg."), ("zh", "重46公斤。")),
    (("ja", "5対3で勝った。"), ("en", "They won 3-5.")),
    (("en", "The vote was 7-2."), ("zh", "投票结果是2比7。")),
    (("en", "It takes 1.1 gallons."), ("ja", "約5リットル要る。")),
    (("en", "A field of 640 acres."), ("zh", "一块265公顷的地。")),
    (("ja", "25時に始まる。"), ("en", "It starts at 2 a.m.")),
    (("en", "Open from 9.30pm until 3.30 the next day."), ("ja", "午後9時半から翌日5時半まで開く。")),
    (("en", "Doors open at 7.45pm."), ("zh", "晚上7点15分开门。")),
    (("en", "It grew from 3.25 to 4.5 metres."), ("zh", "从6.25米增加到4.5米。")),
    (("en", "It ends by mid-2026."), ("ja", "2027年半ばに終わる。")),
    (("zh", "一斤卖五块八。"), ("en", "It sells at 5.3 yuan.")),
    (("ja", "午後4時に出た。"), ("en", "It came out at 40 p.m.")),
    (("ja", "2時間45分遅れた。"), ("en", "It left three hours and 45 minutes late.")),
    (("zh", "旅客多了四成半。"), ("en", "There were 55 per cent more travellers.")),
    (("en", "The 1845 from Aberdeen turned back."), ("ja", "アバディーン発19時45分の便は引き返した。")),
]


@pytest.mark.parametrize(("source", "target"), SAME)
def test_the_same_quantity_passes_in_other_units_and_notations(
    source: tuple[str, str], target: tuple[str, str]
) -> None:
    assert strongest(source, target) < 0.5


@pytest.mark.parametrize(("source", "target"), OTHER)
def test_another_quantity_is_found(source: tuple[str, str], target: tuple[str, str]) -> None:
    assert strongest(source, target) >= 0.5
