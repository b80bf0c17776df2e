"""Words of published tables in seven languages: totals, units behind numbers, and what makes bands of them.

English, German, French, Spanish, Portuguese, Italian and Dutch, as statistical offices print them. Each text is a piece of a
regular expression over labels in lower case. A word says what is likely; whether a label is a total is checked by adding up.
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
)  # fmt: skip

SEXES = (
    "males?", "females?", "m", "f", "w", "men", "women", "boys", "girls",
    "männlich", "weiblich", "männer", "frauen", "hommes?", "femmes?", "masculin", "féminin",
    "hombres?", "mujer(?:es)?", "varones", "varón", "homens?", "mulher(?:es)?", "mascul?ino", "femm?inino",
    "maschi", "femmine", "maschile", "femminile", "uomini", "donne", "mann?en", "vrouwen", "man", "vrouw",
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
)  # fmt: skip
"""What numbers count, and what says no more than that."""

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
)  # fmt: skip
"""Before the first number that no longer belongs to a band."""

UP_TO = ("up to", "at most", "<=", "≤", "bis(?: zu)?", "höchstens", "jusqu'à", "hasta", "até", "fino a", "tot en met", "t/m")
AND_LESS = (
    "(?:and|or) (?:under|less|fewer|younger|below)", "(?:und|oder) (?:weniger|jünger)", "(?:et|ou) moins",
    "(?:y|o|ou|e) menos", "(?:e|o) meno", "(?:en|of) (?:minder|jonger)",
)  # fmt: skip
OVER = (
    "over", "more than", "above", "older than", ">", "über", "mehr als", "plus de", "más de", "mais de", "oltre", "più di",
    "meer dan", "ouder dan",
)  # fmt: skip
AT_LEAST = (
    ">=", "≥", "at least", "from", "ab", "mindestens", "à partir de", "au moins", "desde", "a partir de", "al menos",
    "a partire da", "da", "vanaf", "minstens",
)  # fmt: skip
AND_MORE = (
    "(?:and|or|&) (?:over|older|more|above|up|upwards)", "(?:und|oder) (?:mehr|älter|darüber)", "(?:et|ou) (?:plus|davantage)",
    "(?:y|o|e|u) más", "(?:e|ou) mais", "(?:e|o|ed) (?:più|oltre)", "(?:en|of) (?:meer|ouder)",
    "og (?:over|eldre|ældre|mer)", "eller (?:eldre|ældre|äldre|mer|mere)", "och (?:äldre|över)", "ja (?:yli|vanhemmat)",
    "i (?:więcej|više)",
)  # fmt: skip
BETWEEN = ("between", "zwischen", "von", "entre", "de", "tra", "dai?", "tussen", "van")
TO = ("-", "to", "and", "or", "until", "bis(?: zu)?", "à", "al?", "y", "e", "et", "und", "o", "ou", "t/m", "en", "tot en met")
TO_UNDER = ("to under", "to less than", "but under", "bis unter", "à moins de", "a menos de", r"tot(?! en met)")
"""Between two numbers of which the second no longer belongs to the band."""


def any_of(*words: str) -> str:
    """A piece of a regular expression that stands for any of some words.

    >>> any_of("under", "below")
    '(?:under|below)'
    """
    return f"(?:{'|'.join(words)})"
