"""Words of published tables in many languages: totals, sexes, units behind numbers, and what makes bands of them.

Those of English, German, French, Spanish, Portuguese, Italian and Dutch come first, as statistical offices print them, then
those of the languages of the North, the East and Asia. Each text is a piece of a regular expression over labels in lower case
(`str.casefold`, so that a final sigma is no other letter). A word says what is likely; whether a label is a total is checked by
adding up.
"""

TOTALS = (
    r"(?:grand |sub-?|overall )?totals?\b.*", "all", r"all (?!other|else|remaining)[^0-9]*", "both", "both (?:sexes|genders)",
    "sum", "together", "overall",
    "insgesamt", "gesamt", "zusammen", "summe", "alle", r"alle (?!anderen?|übrigen?)\D*", "beide geschlechter",
    "männer und frauen", "männlich und weiblich",
    r"(?:ensemble|tous|toutes)\b(?! (?:les )?autres)\D*", "les deux sexes", "hommes et femmes",
    r"(?:todos|todas|todo)\b(?! (?:(?:los|las|os|as) )?(?:otr|dem|outr))\D*", "(?:ambos|los dos|ambos os) sexos",
    "hombres y mujeres", "conjunto", "homens e mulheres",
    r"totale\b.*", r"tutt[ieo]\b(?! (?:gli|le|i)? ?altr)\D*", "(?:in )?complesso", "maschi e femmine", "entrambi i sessi",
    "uomini e donne",
    r"totaal\b.*", "beide geslachten", "mannen en vrouwen",
    "i ?alt", r"totalt\b.*", "til ?sammen", "begge kj?ønn?", "alle aldre", "(?:mænd|menn) og kvinn?d?er",
    "hele (?:landet|riket)",
    r"samtliga\b\D*", "båda könen", "summa", "män och kvinnor", "hela (?:landet|riket)",
    r"(?:\D*\b)?yhteensä\b.*", "kaikki", "molemmat sukupuolet", "miehet ja naiset", "koko maa",
    r"ogółem\b.*", "razem", "łącznie", "obie płcie", r"celkem\b.*", "úhrnem", "obě pohlaví", r"spolu\b.*", "celkom",
    "obe pohlavia",
    r"(?:\D*\b)?összesen\b.*", "együtt", "mindkét nem", "ambele sexe", r"ukupno\b.*", "svega", "oba spola", "skupaj",
    "ambdós sexes", "tots", "totes", r"σύνολο\b.*", "και τα δύο φύλα", "αμφότερα τα φύλα",
    r"(?:genel )?toplam\b.*", "her iki cinsiyet", "iki cinsiyet",
    r"(?:всего|итого|усього|всього|разом)\b.*", "оба пола", "вс[её] население", "обидві статі", "ус[еі] населення", "укупно",
    "総数", "総計", "合計", "計", "男女計", "男女総数", "全国", "合计", "总计", "总数", "總計", "總數", "全國",
    "합계", "총계", "계", "전체", "전국", "총수", "남녀 ?계",
    "(?:ال)?مجموع", "(?:ال)?[إا]جمالي", "المجموع الكلي", "الجملة", "كلا الجنسين",
    "jumlah(?: total)?", "semua", "tổng(?: số| cộng)?", "cả nước", "cả hai giới",
)  # fmt: skip

SEXES = (
    "males?", "females?", "m", "f", "w", "men", "women", "boys", "girls",
    "männlich", "weiblich", "männer", "frauen", "hommes?", "femmes?", "masculin", "féminin",
    "hombres?", "mujer(?:es)?", "varones", "varón", "homens?", "mulher(?:es)?", "mascul?ino", "femm?inino",
    "maschi", "femmine", "maschile", "femminile", "uomini", "donne", "mann?en", "vrouwen", "man", "vrouw",
    "mænd", "kvinder", "mand", "kvinde", "menn", "kvinner", "mann", "kvinne", "gutter", "jenter", "män", "kvinnor", "kvinna",
    "miehet", "naiset", "mies", "nainen", "mężczyźni", "kobiety", "muži", "ženy", "muž", "žena", "férfi(?:ak)?", "nők?",
    "masculin", "feminin", "bărba[ţț]i", "femei", "muškarci", "žene", "moški", "ženske", "homes", "dones",
    "άρρενεσ", "θήλεισ", "άνδρεσ", "γυναίκεσ", "erkek(?:ler)?", "kadın(?:lar)?",
    "мужчины", "женщины", "мужской", "женский", "чоловіки", "жінки", "男(?:性|子)?", "女(?:性|子)?", "남(?:자|성)?",
    "여(?:자|성)?",
    "ذكور", "إناث", "ذكر", "أنثى", "laki-laki", "perempuan", "nam", "nữ",
)  # fmt: skip
"""What the sexes are called."""

UNITS = (
    "aged?", "ages", "years?", "yrs?", "year-olds?", "old", "of age", "persons?", "people", "rooms?", "usd", "eur",
    "gbp", "euros?",
    "(?:im )?alter von", "alter", "jahre?n?", "personen", "zimmer", "räume",
    "ans?", "(?:d')?âge", "personnes?", "pièces?",
    "de edad", "edad", "años?", "personas?", "habitación", "habitaciones",
    "idade", "anos?", "pessoas?", "cômodos?",
    "(?:di )?età", "anni", "anno", "persone", "stanze",
    "jaar", "jaren", "leeftijd", "kamers?", "år", "vuotta", "lat",
    "år", "vuotta", "lat", "let",
    "lata", "lat", "rok[yu]?", "rokov", "roků", "godin[ae]", "let[ai]?", "éves(?:ek)?", "év", "ani", "ετών", "έτη",
    "yaş(?:ında)?",
    "anys?", "лет", "год", "года", "років", "роки", "рік", "tahun", "tuổi", "سنوات", "سنة", "عاما", "-?vuotiaat", "-?åringar",
    "-?årige?", "-?åringer",
)  # fmt: skip
"""What numbers count, and what says no more than that."""

UNKNOWN = (
    "(?:not|un|non)[ -]?(?:stated|known|given|available|reported|recorded|specified|declared|disclosed|provided|answered)",
    "missing", "no (?:answer|response|information|data|reply)", "(?:did not|don't) (?:answer|know)", "refused",
    "(?:ohne|keine) angaben?", "unbekannt", "nicht angegeben", "non (?:déclaré|renseigné|précisé)e?s?", "inconnue?s?",
    "no consta", "desconocid[oa]s?", "no (?:declarad|especificad)[oa]s?", "sin (?:datos|respuesta)", "ignorad[oa]s?",
    "não (?:declarad|informad)[oa]s?", "desconhecid[oa]s?", "non (?:indicat|dichiarat|not)[oaie]", "sconosciut[oaie]",
    "onbekend", "niet bekend", "geen opgave",
    "uoppgitt", "ukjent", "uoplyst", "ukendt", "okänt?", "uppgift saknas", "tuntematon", "nie ustalono", "nieznan[aey]",
    "nezjištěn[oaé]", "neuvedeno", "nezistené", "ismeretlen", "necunoscut", "nepoznato", "neznano", "desconegu[td]a?",
    "άγνωστο", "δεν δηλώθηκε", "bilinmeyen", "не указано", "неизвестно", "не вказано", "不詳", "不明", "未详", "미상",
    "tidak diketahui", "không xác định", "غير مبين", "غير محدد",
)  # fmt: skip
"""What those are called who have no value, or did not tell it."""

NOTHING = (
    "no", "none", "zero", "keine", "kein", "aucun", "aucune", "sans", "ninguno", "ninguna", "sin", "nenhum", "nenhuma",
    "nessuno", "nessuna", "geen",
)  # fmt: skip
"""Words in place of a 0, as in `no cars`."""

SCALES = {
    "thousand": 1e3, "thousands": 1e3, "tsd": 1e3, "tausend": 1e3, "mille": 1e3, "mil": 1e3, "mila": 1e3, "duizend": 1e3,
    "million": 1e6, "millions": 1e6, "mio": 1e6, "millionen": 1e6, "millones": 1e6, "milhões": 1e6, "milioni": 1e6,
    "miljoen": 1e6,
}  # fmt: skip

UNDER = (
    "under", "below", "less than", "fewer than", "younger than", "<", "(?:bis )?unter", "weniger als", "jünger als",
    "moins de", "menos de", "menor(?:es)? de", "menor que", "meno di", "onder", "jonger dan", "minder dan", "tot",
    "yngre enn", "yngre än", "yngre end", "mindre (?:enn|än|end)", "poniżej", "mniej niż", "méně než", "menej ako",
    "mlad[šs]í než",
    "kevesebb, mint", "sub", "mai puțin de", "manje od", "ispod", "menys de", "κάτω από", "κάτω των", "моложе", "младше",
    "менее",
    "молодше", "менше", "di bawah", "kurang dari", "dưới", "أقل من", "未滿", "未满", "不满",
)  # fmt: skip
"""Before the first number that no longer belongs to a band."""

UP_TO = (
    "up to", "at most", "<=", "≤", "bis(?: zu)?", "höchstens", "jusqu'à", "hasta", "até", "fino a", "tot en met", "t/m",
    "do", "til og med", "till och med", "až do",
)  # fmt: skip
AND_LESS = (
    "(?:and|or) (?:under|less|fewer|younger|below)", "(?:und|oder) (?:weniger|jünger)", "(?:et|ou) moins",
    "(?:y|o|ou|e) menos", "(?:e|o) meno", "(?:en|of) (?:minder|jonger)",
    "og (?:under|yngre)", "och (?:yngre|under)", "i mniej", "a méně", "és fiatalabb", "και κάτω", "ve altı", "i menys",
    "и моложе",
    "і молодше", "以下", "及以下", "이하", "فأقل", "ke bawah", "trở xuống",
)  # fmt: skip
OVER = (
    "over", "more than", "above", "older than", ">", "über", "mehr als", "plus de", "más de", "mais de", "oltre", "più di",
    "meer dan", "ouder dan",
    "yli", "powyżej", "starší než", "iznad", "peste", "més de", "άνω των", "старше", "старші", "lebih dari", "di atas",
    "trên", "أكثر من",
)  # fmt: skip
AT_LEAST = (
    ">=", "≥", "at least", "from", "ab", "mindestens", "à partir de", "au moins", "desde", "a partir de", "al menos",
    "a partire da", "da", "vanaf", "minstens",
)  # fmt: skip
AND_MORE = (
    "(?:and|or|&) (?:over|older|more|above|up|upwards)", "(?:und|oder) (?:mehr|älter|darüber)",
    "(?:et|ou) (?:plus|davantage)",
    "(?:y|o|e|u) más", "(?:e|ou) mais", "(?:e|o|ed) (?:più|oltre)", "(?:en|of) (?:meer|ouder)",
    "og (?:over|eldre|ældre|mer)", "eller (?:eldre|ældre|äldre|mer|mere)", "och (?:äldre|över)", "ja (?:yli|vanhemmat)",
    "i (?:więcej|više)",
    "og (?:derover|opefter)", "och (?:uppåt|däröver)", "og oppover", "vuotta täyttäneet", "täyttäneet",
    "i (?:starsi|starszy|wyżej)",
    "a (?:více|starší|viac)", "és (?:idősebb|több|annál idősebb)", "(?:[șş]i) (?:peste|mai mult)", "i (?:stariji|više)",
    "i més",
    "και (?:άνω|πάνω|περισσότερ\\w*)", "ve (?:üzeri|üstü|daha fazla|yukarı)", "(?:и|і|та) (?:старше|более|більше|старші)",
    "及?以上", "及以上",
    "이상", "فأكثر", "فما فوق", "ke atas", "(?:dan|atau) lebih", "trở lên",
)  # fmt: skip
BETWEEN = ("between", "zwischen", "von", "entre", "de", "tra", "dai?", "tussen", "van")
TO = (
    "-", "to", "and", "or", "until", "bis(?: zu)?", "à", "al?", "y", "e", "et", "und", "o", "ou", "t/m", "en", "tot en met",
    "~", "～", "〜", "至", "do", "til", "till", "až", "ile", "sampai", "s/d", "đến", "إلى",
)  # fmt: skip
BEHIND_UNDER = ("未満", "미만")
"""Behind the first number that no longer belongs to a band."""
JOINED = ("歳", "才", "岁", "歲", "周岁", "세", "人", "명")
"""What numbers count, where no blank stands between."""
TO_UNDER = ("to under", "to less than", "but under", "bis unter", "à moins de", "a menos de", r"tot(?! en met)")
"""Between two numbers of which the second no longer belongs to the band."""


AGES = (
    "ålder", "alder", "ikä", "wiek", "věk", "vek", "kor", "vârst[aă]", "starost", "edat", "yaş", "ηλικία", "возраст", "вік",
    "umur", "usia", "tuổi", "年齢", "年龄", "年齡", "연령", "나이", "العمر", "år", "vuotta", "lat", "let", "rokov", "éves",
    "godina",
    "anys", "ετών", "лет", "років", "tahun",
)  # fmt: skip
"""Words of ages of these languages, in names of columns and in labels."""


def any_of(*words: str) -> str:
    """A piece of a regular expression that stands for any of some words.

    >>> any_of("under", "below")
    '(?:under|below)'
    """
    return f"(?:{'|'.join(words)})"
