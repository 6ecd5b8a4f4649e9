"""Chinese text as pinyin that espeak-ng speaks rightly.

Pure. Digits are spoken as people say them: 1 is yao1 in telephone and hotline numbers, yi1 in keys ("请按1")
and years; what is counted is read as a number. English is in ivr.prompts.english.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from vocabulary.errors import HotlineError

_DIGITS: Final = {
    "0": "ling2", "1": "yi1", "2": "er4", "3": "san1", "4": "si4",
    "5": "wu3", "6": "liu4", "7": "qi1", "8": "ba1", "9": "jiu3",
}  # fmt: skip
_IN_NUMBERS: Final = {**_DIGITS, "1": "yao1"}
_NUMERALS: Final = "零一二三四五六七八九"
_PAUSES: Final = {
    "，": ",", "、": ",", "；": ",", "：": ",", "。": ".", "？": "?", "！": "!",
    ",": ",", ";": ",", ":": ",", ".": ".", "?": "?", "!": "!", "…": ",", "—": ",",
}  # fmt: skip
_SILENT: Final = frozenset(" \n\t“”‘’\"'《》〈〉（）()【】·-")
_KEY_SIGNS: Final = {"#": "井号", "*": "星号", "%": "百分号", "％": "百分号"}
_DIGIT_WIDTHS: Final = str.maketrans("０１２３４５６７８９", "0123456789")

_SPAN: Final = re.compile(r"([:：]\d\d)\s*[-–—~～]+\s*(?=\d{1,2}[:：]\d\d)|(?<=\d)\s*[~～]+\s*(?=\d)")
"""From one time of day to another, from one number to another."""
_FIGURE: Final = r"\d+(?:\.\d+)?"
_BELOW_ZERO: Final = re.compile(rf"(?<![\d-])-(?={_FIGURE}(?:至-?{_FIGURE})?度)")
_MINUS: Final = re.compile(r"(?:^|(?<=[\s（(：:，,。]))-(?=\d)")
"""Elsewhere, as in 3号楼-2单元, the stroke says nothing."""
_NUMBER: Final = re.compile(
    r"(?P<date>(?:19|20)\d\d([-/])\d{1,2}\2\d{1,2})(?!\d)"
    r"|(?P<clock>[0-2]?\d[:：][0-5]\d)(?!\d)"
    r"|(?P<percent>\d+(?:\.\d+)?)[%％]"
    r"|[￥¥]\s*(?P<money>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:\s*元)?"
    r"|(?P<grouped>\d{1,3}(?:,\d{3})+(?:\.\d+)?)(?![\d,])"
    r"|(?P<abroad>\+\d{1,3}(?:[- ]?\d+)+)"
    r"|(?P<from>[1-9]\d{0,2})-(?P<to>[1-9]\d{0,2})(?![-\d])"
    r"|\d+(?:\.\d+|(?:-\d+)+)?"
)
_COUNTED: Final = re.compile(
    r"多|余|百|千|万|亿|元|角|分|位|个|人|名|次|天|日|小时|秒|月|号|点|周|岁|楼|层|件|条|项|倍|种|度|米|公里|工作日|户|遍"
)
_TWO_IS_LIANG: Final = re.compile(r"千|万|亿|位|个|人|名|次|天|小时|分钟|点|周|件|条|项|倍|种|户|遍|元|秒")
_ORDERED: Final = re.compile(r"月|日|号|楼|层")
"""What is numbered, not counted: 一 keeps its first tone there."""
_ENDS_IN_ONE: Final = tuple("统唯万单专归合之逐其周期初如划不按")
"""What 一 ends, and what says that it is a key: it keeps its first tone there."""
_AFTER_A_NUMBER: Final = "零一二三四五六七八九十至到或和与"
_READINGS: Final = {"大夫": ("dai4", "fu5"), "士大夫": ("shi4", "da4", "fu1")}
"""What the dictionary has otherwise than people on the telephone say it; a site's own phrases win."""
_KEY_BEFORE: Final = re.compile(r"(按|按下|键|选择)\s*$")


class Unspeakable(HotlineError):
    """A character that the voice cannot say; `character` is the first such one."""

    def __init__(self, character: str) -> None:
        super().__init__(f"{character!r} cannot be spoken in Chinese")
        self.character = character


def to_pinyin(text: str, phrases: Mapping[str, str] | None = None) -> str:
    """Syllables with tone numbers, and pauses. Raises Unspeakable."""
    sounds: list[str] = []
    spans = _SPAN.sub(r"\1至", text.translate(_DIGIT_WIDTHS))
    for part in _with_numbers(_MINUS.sub("负", _BELOW_ZERO.sub("零下", spans))):
        if part.startswith("\0"):
            sounds.append(part[1:])
        else:
            sounds.extend(_spoken(part, _readings(phrases)))
    return re.sub(r"([,.?!])( [,.?!])+", r"\1", " ".join(sounds))


def _readings(phrases: Mapping[str, str] | None) -> dict[str, str]:
    return {**{written: " ".join(sounds) for written, sounds in _READINGS.items()}, **(phrases or {})}


def _with_numbers(text: str) -> Iterator[str]:
    """Pieces of text in which numbers are in characters; a piece of ready syllables begins with NUL."""
    pending, end = "", 0
    for found in _NUMBER.finditer(text):
        pending += text[end : found.start()]
        end = found.end()
        said = _number(found, text[: found.start()], text[end:])
        if said.startswith("\0"):
            yield from (pending, said)
            pending = ""
        else:
            pending += said
    yield pending + text[end:]


def _number(found: re.Match[str], before: str, after: str) -> str:
    digits = found.group()
    if found["date"]:
        return "\0" + _date(found["date"])
    if found["clock"]:
        return _clock(found["clock"])
    if found["percent"]:
        return _counted(found["percent"], before="百分之")
    if found["money"]:
        return _amount(found["money"], after="元")
    if found["grouped"]:
        digits = digits.replace(",", "")
        return _amount(digits) if after.lstrip().startswith("元") else _counted(digits)
    if found["from"]:
        ends = [found[end] for end in ("from", "to")]
        if _KEY_BEFORE.search(before):
            return "\0" + " zhi4 ".join(_one_by_one(end, _DIGITS) for end in ends)
        return "至".join(_counted(end) for end in ends)
    if found["abroad"] or "-" in digits:
        parts = re.split(r"[- ]", digits.removeprefix("+"))
        return "\0" + " , ".join(_one_by_one(part, _IN_NUMBERS) for part in parts)
    return _plain(digits, before, after)


def _plain(digits: str, before: str, after: str) -> str:
    """A number without any sign but a decimal point."""
    if _KEY_BEFORE.search(before) or (after.startswith("键") and len(digits) == 1):
        return "\0" + _one_by_one(digits, _DIGITS)
    if after.startswith("年") and len(digits) == 4:
        return "\0" + _one_by_one(digits, _DIGITS)
    if digits == "2" and _TWO_IS_LIANG.match(after) and not before.endswith("第"):
        return "两"
    is_ordered = before.endswith("第") or _ORDERED.match(after)
    is_counted = "." in digits or len(digits) < 3 or is_ordered or _COUNTED.match(after)
    has_leading_zero = digits.startswith("0") and digits.isdigit() and len(digits) > 1
    if not is_counted or has_leading_zero or len(digits) > 12:
        return "\0" + _one_by_one(digits, _IN_NUMBERS)
    if is_ordered and digits.isdigit():
        return "\0" + _toneless_one(in_characters(int(digits)))
    if after.lstrip().startswith("元"):
        return _amount(digits)
    if digits.isdigit() and len(digits) > 1 and digits.endswith("1"):
        return "\0" + _toneless_one(in_characters(int(digits)))
    return _counted(digits)


def _toneless_one(numerals: str) -> str:
    """A number's syllables; a last 一 keeps its own tone, whatever is counted: 二十一个 is er4 shi2 yi1 ge4."""
    if not numerals.endswith("一"):
        return " ".join(_syllables(numerals))
    return " ".join([*_syllables(numerals[:-1]), "yi1"] if len(numerals) > 1 else ["yi1"])


def _date(written: str) -> str:
    year, month, day = re.split("[-/]", written)
    parts = (_toneless_one(in_characters(int(part))) for part in (month, day))
    return " ".join([_one_by_one(year, _DIGITS), "nian2", next(parts), "yue4", next(parts), "ri4"])


def _amount(digits: str, *, after: str = "") -> str:
    """Money: nobody says the zeros behind 12.50."""
    digits = digits.replace(",", "")
    return _counted(digits.rstrip("0").rstrip(".") if "." in digits else digits, after=after)


def _one_by_one(digits: str, names: Mapping[str, str]) -> str:
    return " ".join(names[digit] for digit in digits if digit in names)


def _clock(written: str) -> str:
    hours, minutes = (int(part) for part in re.split("[:：]", written))
    if minutes == 0:
        return f"{_hours(hours)}点"
    return f"{_hours(hours)}点{'零' if minutes < 10 else ''}{in_characters(minutes)}分"


def _hours(hours: int) -> str:
    return "两" if hours == 2 else in_characters(hours)


def _counted(digits: str, *, before: str = "", after: str = "") -> str:
    """`before`, `after`: characters that belong to it. Each 一 of a decimal fraction keeps its tone."""
    whole, _, decimals = digits.partition(".")
    if not decimals:
        return f"{before}{in_characters(int(whole))}{after}"
    number = f"{_toneless_one(in_characters(int(whole)))} dian3 {_one_by_one(decimals, _DIGITS)}"
    return "\0" + " ".join([*_syllables(before), number, *_syllables(after)])


def in_characters(number: int) -> str:
    """A whole number from 0 to 999,999,999,999 as it is read: 110 is 一百一十, 10 is 十."""
    if number == 0:
        return _NUMERALS[0]
    parts: list[str] = []
    gap = False
    for unit, size in (("亿", 10**8), ("万", 10**4), ("", 1)):
        group, number = divmod(number, size)
        if group:
            if parts and (gap or group < 1000):
                parts.append("零")
            parts.append(_below_ten_thousand(group) + unit)
        gap = bool(parts) and not group
    spoken = "".join(parts)
    return spoken.removeprefix("一") if spoken.startswith("一十") else spoken


def _below_ten_thousand(number: int) -> str:
    spoken, gap = "", False
    for unit, size in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit, number = divmod(number, size)
        if digit:
            spoken += ("零" if gap and spoken else "") + _NUMERALS[digit] + unit
        gap = digit == 0
    return spoken


def _spoken(text: str, phrases: Mapping[str, str]) -> Iterator[str]:
    for sign, name in _KEY_SIGNS.items():
        text = text.replace(sign, name)
    longest_first = sorted(phrases, key=len, reverse=True)
    pattern = "|".join(
        [*map(re.escape, longest_first), r"[\u4e00-\u9fff]+?(?=" + _stop(longest_first) + ")", "."]
    )
    for piece in re.findall(pattern, text, re.DOTALL):
        if piece in phrases:
            yield phrases[piece]
        elif "\u4e00" <= piece[0] <= "\u9fff":
            yield from _syllables(piece)
        elif piece in _PAUSES:
            yield _PAUSES[piece]
        elif piece not in _SILENT:
            raise Unspeakable(piece)


def _stop(phrases: list[str]) -> str:
    return "|".join([*map(re.escape, phrases), r"[^\u4e00-\u9fff]", r"\Z"])


def _syllables(characters: str) -> list[str]:
    # its dictionaries cost half a second and 55 MB, which most commands and servers never need
    from pypinyin import Style, lazy_pinyin

    found = lazy_pinyin(characters, style=Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True)
    for character, syllable in zip(characters, found, strict=False):
        if not syllable.isascii():
            raise Unspeakable(character)
    syllables = [str(syllable) for syllable in found]
    for at, character in enumerate(characters[:-1]):
        if character == "一" and syllables[at].startswith("yi"):
            syllables[at] = _one(characters[:at], characters[at + 1 :], syllables[at], syllables[at + 1])
    return syllables


def _one(before: str, after: str, found: str, follows: str) -> str:
    """一 as it sounds before what it counts or begins: yi2 ci4, but yi4 xiao3 shi2; as it is in a number, a month, after 第,
    and at a word's end."""
    if after[0] in "月号" or before.endswith(("第", "十", "零")):
        return "yi1"
    if _COUNTED.match(after):
        return "yi2" if follows[-1] in "45" else "yi4"
    if before.endswith(_ENDS_IN_ONE) or after[0] in _AFTER_A_NUMBER:
        return found
    return "yi2" if follows[-1] in "45" else "yi4"
