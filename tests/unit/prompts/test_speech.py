"""The pinyin of prompts, syllable by syllable: that is where a voice goes wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.prompts.english import english_words
from ivr.prompts.speech import Unspeakable, in_characters, to_pinyin


@pytest.mark.parametrize(
    ("text", "pinyin"),
    [
        ("您好", "nin2 hao3"),
        (
            "您好，欢迎拨打12345政务服务热线。",
            "nin2 hao3 , huan1 ying2 bo1 da3 yao1 er4 san1 si4 wu3 zheng4 wu4 fu2 wu4 re4 xian4 .",
        ),
        ("请按1，人工请按0", "qing3 an4 yi1 , ren2 gong1 qing3 an4 ling2"),
        ("请按１", "qing3 an4 yi1"),
        ("按1号键", "an4 yi1 hao4 jian4"),
        ("按#键", "an4 jing3 hao4 jian4"),
        ("按*键", "an4 xing1 hao4 jian4"),
        ("请拨打110或120", "qing3 bo1 da3 yao1 yao1 ling2 huo4 yao1 er4 ling2"),
        ("13800138000", "yao1 san1 ba1 ling2 ling2 yao1 san1 ba1 ling2 ling2 ling2"),
        ("0355-2021234", "ling2 san1 wu3 wu3 , er4 ling2 er4 yao1 er4 san1 si4"),
        ("共110元", "gong4 yi4 bai3 yi1 shi2 yuan2"),
        ("3.5元", "san1 dian3 wu3 yuan2"),
        ("前面还有12位", "qian2 mian4 hai2 you3 shi2 er4 wei4"),
        ("您排在第2位", "nin2 pai2 zai4 di4 er4 wei4"),
        ("还有2位", "hai2 you3 liang3 wei4"),
        ("约2分钟", "yue1 liang3 fen1 zhong1"),
        ("24小时", "er4 shi2 si4 xiao3 shi2"),
        ("95%", "bai3 fen1 zhi1 jiu3 shi2 wu3"),
        ("2026年11月23日", "er4 ling2 er4 liu4 nian2 shi2 yi1 yue4 er4 shi2 san1 ri4"),
        ("8:30至18:05", "ba1 dian3 san1 shi2 fen1 zhi4 shi2 ba1 dian3 ling2 wu3 fen1"),
        ("2:00", "liang3 dian3"),
        ("9:00-17:00", "jiu3 dian3 zhi4 shi2 qi1 dian3"),
        ("8:30～12:00", "ba1 dian3 san1 shi2 fen1 zhi4 shi2 er4 dian3"),
        ("2026-11-23", "er4 ling2 er4 liu4 nian2 shi2 yi1 yue4 er4 shi2 san1 ri4"),
        ("2026/1/1", "er4 ling2 er4 liu4 nian2 yi1 yue4 yi1 ri4"),
        ("1月1日", "yi1 yue4 yi1 ri4"),
        ("一月", "yi1 yue4"),
        ("1号窗口", "yi1 hao4 chuang1 kou3"),
        ("您排在第1位", "nin2 pai2 zai4 di4 yi1 wei4"),
        ("第11位", "di4 shi2 yi1 wei4"),
        ("还有1位", "hai2 you3 yi2 wei4"),
        ("还有21位", "hai2 you3 er4 shi2 yi1 wei4"),
        ("1小时", "yi4 xiao3 shi2"),
        ("1次", "yi2 ci4"),
        ("约2000多人", "yue1 er4 qian1 duo1 ren2"),
        ("1-3个工作日", "yi1 zhi4 san1 ge4 gong1 zuo4 ri4"),
        ("请按1-3", "qing3 an4 yi1 zhi4 san1"),
        ("400-123-4567", "si4 ling2 ling2 , yao1 er4 san1 , si4 wu3 liu4 qi1"),
        ("+86 13800138000", "ba1 liu4 , yao1 san1 ba1 ling2 ling2 yao1 san1 ba1 ling2 ling2 ling2"),
        ("（0355）2021234", "ling2 san1 wu3 wu3 er4 ling2 er4 yao1 er4 san1 si4"),
        ("101室", "yao1 ling2 yao1 shi4"),
        ("￥12.50", "shi2 er4 dian3 wu3 yuan2"),
        ("1,234.50元", "yi4 qian1 er4 bai3 san1 shi2 si4 dian3 wu3 yuan2"),
        ("12.00元", "shi2 er4 yuan2"),
        ("11元", "shi2 yi1 yuan2"),
        ("2万元", "liang3 wan4 yuan2"),
        ("3.10米", "san1 dian3 yi1 ling2 mi3"),
        ("-5度", "ling2 xia4 wu3 du4"),
        ("气温-5.5度", "qi4 wen1 ling2 xia4 wu3 dian3 wu3 du4"),
        ("-5至-2度", "ling2 xia4 wu3 zhi4 ling2 xia4 er4 du4"),
        ("3-5度", "san1 zhi4 wu3 du4"),
        ("结余：-3元", "jie2 yu2 , fu4 san1 yuan2"),
        ("3号楼-2单元", "san1 hao4 lou2 er4 dan1 yuan2"),
        ("1.1万元", "yi1 dian3 yi1 wan4 yuan2"),
        ("￥3.10", "san1 dian3 yi1 yuan2"),
        ("21.01米", "er4 shi2 yi1 dian3 ling2 yi1 mi3"),
        ("1.1%", "bai3 fen1 zhi1 yi1 dian3 yi1"),
        ("一共三位", "yi2 gong4 san1 wei4"),
        ("一样一份一键报警", "yi2 yang4 yi2 fen4 yi2 jian4 bao4 jing3"),
        ("一网通办", "yi4 wang3 tong1 ban4"),
        ("统一共享", "tong3 yi1 gong4 xiang3"),
        ("周一上午", "zhou1 yi1 shang4 wu3"),
        ("一对一", "yi2 dui4 yi1"),
        ("请按一键", "qing3 an4 yi1 jian4"),
        ("看大夫", "kan4 dai4 fu5"),
        ("士大夫", "shi4 da4 fu1"),
        ("银行", "yin2 hang2"),
        ("重庆", "chong2 qing4"),
        ("市长热线", "shi4 zhang3 re4 xian4"),
        ("处理", "chu2 li3"),
        ("女士", "nv3 shi4"),
        ("一个", "yi2 ge4"),
        ("好了", "hao3 le5"),
        ("“您好”（再见）", "nin2 hao3 zai4 jian4"),
        ("您好。。。", "nin2 hao3 ."),
    ],
)
def test_it_sounds_as_people_say_it(text, pinyin):
    assert to_pinyin(text) == pinyin


def test_a_phrase_of_ours_wins_wherever_it_stands():
    phrases = {"还款": "huan2 kuan3", "还": "hai2"}
    assert to_pinyin("还款") == "hai2 kuan3", "the fault that the phrase list is for"
    assert to_pinyin("银行还款12元", phrases) == "yin2 hang2 huan2 kuan3 shi2 er4 yuan2"


@pytest.mark.parametrize("text", ["请下载APP", "☎", "3×5", "€"])
def test_what_cannot_be_said_is_named(text):
    with pytest.raises(Unspeakable):
        to_pinyin(text)


@pytest.mark.parametrize(
    ("number", "characters"),
    [
        (0, "零"), (2, "二"), (10, "十"), (11, "十一"), (20, "二十"), (100, "一百"), (101, "一百零一"),
        (110, "一百一十"), (1001, "一千零一"), (1010, "一千零一十"), (10_000, "一万"), (10_001, "一万零一"),
        (10_100, "一万零一百"), (11_000, "一万一千"), (100_005, "十万零五"), (12_345, "一万二千三百四十五"),
        (100_000_000, "一亿"), (100_000_001, "一亿零一"), (1_000_010_000, "十亿零一万"),
        (999_999_999_999, "九千九百九十九亿九千九百九十九万九千九百九十九"),
    ],
)  # fmt: skip
def test_numbers_are_read_as_numbers(number, characters):
    assert in_characters(number) == characters


@given(st.text(alphabet="您好按第年月日元位个点一:.,-～/+￥%#0123456789 ，。", max_size=30))
def test_only_syllables_and_pauses_come_out(text):
    allowed = set("abcdefghijklmnopqrstuvwxyz12345 ,.?!")
    assert set(_sounds(text)) <= allowed


def _sounds(text):
    """What comes out; of a text with a sign that nobody can say, nothing."""
    try:
        return to_pinyin(text)
    except Unspeakable as refused:
        return "" if refused.character in "/+￥～" else refused.character


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Welcome to 12345.", "Welcome to 1 2 3 4 5."),
        ("Press 1", "Press 1"),
        ("about 120 minutes", "about 120 minutes"),
        ("call 0355-2021234", "call 0 3 5 5 , 2 0 2 1 2 3 4"),
        ("call +86 13800138000", "call 8 6 , 1 3 8 0 0 1 3 8 0 0 0"),
        ("from 9:00 to 17:05", "from 9 o'clock to 17 oh 5"),
        ("at 8:30", "at 8 30"),
        ("on 2026-11-23", "on 23 November 2026"),
        ("on November 23, 2026", "on November 23, 2026"),
        ("in 2026", "in 2026"),
        ("you are number 12", "you are number 12"),
        ("the 250 callers", "the 250 callers"),
        ("pay 1,234.50 yuan", "pay 1234.5 yuan"),
        ("¥12.50", "12.5 yuan"),
        ("12.345 km", "12.345 km"),
        ("Press #", "Press  hash "),
        ("[[x]]", "  x  "),
    ],
)
def test_english_numbers_are_spelt(text, words):
    assert english_words(text) == words
