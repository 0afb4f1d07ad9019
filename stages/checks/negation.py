"""Is a negation of the source still negated in the translation, and the other way round?

Idioms that hold a negative form and deny nothing (不错, かもしれない, なければならない, no doubt) are taken out first. What one
language says with a particle the other may say with a prefix or a verb (unhelpful, lacks, refuse): such words are counted
apart, and a clear negation has no counterpart only where they cannot stand for it either.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from stages.checks.finding import Finding
from stages.records.record import Record

LOST = 1.0  # one clear negation, and nothing that could stand for it

# Idioms that hold a negative form and deny nothing, or deny in one language only; taken out before anything is counted.
_IDIOM = {
    "ja": regex.compile(
        r"なけれ[ばは](?:なら|いけ)な[いくか]|なくては(?:なら|いけ)な[いくか]|なければ(?:なり|いけ)ませ|ないと(?:いけ|なら)な[いくか]"
        r"|かもしれ(?:な[いくか]|ませ)|かも知れ(?:な[いくか]|ませ)|にほかなら(?:な[いくか]|ませ)|に違いな[いくか]|に(?:ちがい|違い)ありませ"
        r"|ざるを[得え](?:な[いくか]|ませ)|だけで(?:は)?な[くい]|のみなら[ずぬ]|ばかりで(?:は)?な[くい]|思いがけな[いくか]|とんでもな[いくか]"
        r"|やむを[得え](?:な[いくか]|ず)|もったいな[いくか]|つまらな[いくか]|くだらな[いくか]|たまらな[いくか]|しょうがな[いくか]|仕方(?:が)?な[いくか]"
        r"|さりげな[いくか]|何気な[いくか]|少な[いくか]|危な[いくか]|(?<=[き汚])たな[いくか]|汚な[いくか]|切な[いくか]|儚[いく]|みっともな[いくか]"
        r"|(?:では|じゃ)ない(?:か|だろうか|でしょうか)|ませんか(?=[。？?]|$)|必ず|先ず|まずは|とりあえず|思わず|絶えず|相変わらず|少なから[ずぬ]|にもかかわらず"
        r"|関わらず|わずか|はず|ずつ|ずっと|いずれ|かけがえのな[いくか]|間もなく|まもなく|申し訳(?:ない|あり)|欠かせ(?:な[いくか]|ませ)"
        r"|なくもな[いくか]|ないこと[はも]な[いくか]|ないわけ(?:では|じゃ)な[いくか]|ない(?:うち|間)に|か[どい]うか|言うまでもな[いくか]|待ったな[しい]|(?<=[間日月年人個円枚])ないし(?=[\d数一二三四五])"
    ),
    "en": regex.compile(
        r"\b(?:not only|not just|not merely|no doubt|no wonder|no sooner|cannot but|can't help|nothing but|none other|"
        r"whether or not|no longer than|no more than|no less than|not to mention|no matter|no later than|if not|"
        r"not until|why not|can't wait|cannot wait|No\. ?\d|nothing short of|never mind)\b",
        regex.I,
    ),
    "zh": regex.compile(
        r"不错|不但|不仅|不只|不光|不过|不同|不断|不管|不论|不少|不久|不得不|不能不|不会不|无法不|不可或缺|必不可少|少不了|离不开|不由得|不禁|不料|不妨|"
        r"要不|无论|无疑|没准|说不定|没关系|差不多|不一会|无比|无限|未来|未婚|非常|除非|无非|非凡|非洲|别人|区别|特别|分别|个别|类别|级别|性别|"
        r"告别|差别|识别|别的|非营利|巴不得|对不起|不好意思|忍不住|刻不容缓|没电|不得了|了不起|不亦乐乎|莫不|无不|是不是|好不好|能不能|会不会|有没有|要不要"
    ),
}
# What surely denies the clause it stands in.
_CLEAR = {
    "ja": regex.compile(
        r"(?<=[\p{Han}ぁ-んー])(?:ない(?!ま)|なかっ|なく(?!な[っりる])|なけれ|ません|(?<!死)ぬ(?=[。、\p{Han}]|$))|せず"
        r"|(?<=[\p{Han}かがたなばまらわけげせてねべめれえきぎちにびみりい])ず(?=[、に。]|と?も|$)|(?<![をと])なし(?=[。、でにの])|まい(?=[。、と])"
    ),
    "en": regex.compile(
        r"\b(?:not|never|nobody|nothing|nowhere|neither|cannot)\b|n[’']t\b|\b(?<!no \w+(?:,| and) )no(?= \w)|\bnone\b|\bnor\b",
        regex.I,
    ),
    "zh": regex.compile(
        r"不(?![知妨])|没有?|未(?!必)|无法|毫无|从未|并非|绝非|均非|而非|尚未|不曾|别(?=再|对|让|说|买|去)|勿"
    ),
}
# What denies by a word's own sense, and may stand for a negation of the other language.
_LEXICAL = {
    "ja": regex.compile(
        r"[不未無非否][\p{Han}]|にく[いく]|づら[いく]|がた[いく]|欠[けい如]|拒|否定|禁[止じ物]|失敗|反対|難し|違[うっ]|嘘|止[めまみ]"
        r"|辞退|断[っわ]|外れ|ゼロ|横ばい|悪|まず[いか]|ひど|嫌|逃[しす]|除[いく]|しか|いいえ|足り"
    ),
    "en": regex.compile(
        r"\b(?:un(?!i|der|til)\w{3,}|in(?:correct|complete|convenient|sufficient|dispensable|accurate|ability|valid|effective)|"
        r"im(?:possible|perfect|proper)|ir(?:regular|relevant)|il(?:legal|legible)|non-?\w{3,}|dis(?:like|agree|appoint|approv|continu)\w*|"
        r"\w{3,}less|without|lack\w*|fail\w*|hardly|barely|scarcely|rarely|seldom|few|refus\w*|den(?:y|ies|ied|ial)|reject\w*|absen\w*|"
        r"stop\w*|avoid\w*|prevent\w*|miss(?:ed|ing|es)?|rather than|instead|unless|except|free|short|far from|difficult|yet to|against|"
        r"ban\w*|prohibit\w*|wrong|bad|terrible|awful|hard to|zero|silent|flat|lie|kept|cold|mistake)\b|-free\b|-proof\b",
        regex.I,
    ),
    "zh": regex.compile(r"[无非否拒禁缺难坏免差]|未必|零|避免|糟|假的|谎|停|才能?|只有|首次"),
}


def _counts(text: str, lang: str) -> tuple[int, int]:
    """(clear negations, negations by a word's own sense) of a text, idioms aside."""
    plain = _IDIOM[lang].sub("＊", text)
    clear = _CLEAR[lang]
    return len(clear.findall(plain)), len(_LEXICAL[lang].findall(clear.sub("＊", plain)))


def negation_score(source: Record, target: Record) -> float:
    """How surely a negation was lost or added: 0 for none; each clear one without a clear counterpart counts 1, shared
    out among the words of the other side that could stand for it and have no counterpart themselves."""
    clear, lexical = _counts(source["text"], source["lang"])
    clear_there, lexical_there = _counts(target["text"], target["lang"])
    lost = max(0, clear - clear_there) / (1 + max(0, lexical_there - lexical))
    added = max(0, clear_there - clear) / (1 + max(0, lexical - lexical_there))
    return max(lost, added)


def negation_lost(source: Record, target: Record) -> Iterator[Finding]:
    """`negation_lost`: a clear negation of one side has nothing on the other that could stand for it."""
    if negation_score(source, target) >= LOST:
        yield Finding("negation_lost")
