"""What labels are of: sexes, ages, tenures. It names variables whose columns do not, and finds them again in other tables."""

import re
from collections.abc import Sequence

from synthor.spec.tables.labels import column_key, span, undressed
from synthor.spec.tables.words import AGES as AGE_WORDS
from synthor.spec.tables.words import any_of

MOST = 0.5
"""Share of labels that must speak of one thing, to be named by it."""
MALE = frozenset((
    "male", "males", "m", "men", "man", "boys", "männlich", "männer", "hommes", "homme", "masculin", "hombres", "hombre",
    "varones", "masculino",
    "男", "男性", "남", "남자", "homens", "maschi", "maschile", "uomini", "mannen", "mannelijk",
))  # fmt: skip
FEMALE = frozenset((
    "female", "females", "f", "w", "women", "woman", "girls", "weiblich", "frauen", "femmes", "femme", "féminin", "mujeres",
    "mujer", "femenino",
    "女", "女性", "여", "여자", "mulheres", "feminino", "femmine", "femminile", "donne", "vrouwen", "vrouwelijk",
))  # fmt: skip
AGES = re.compile(
    r"(?<![^\W_])(?:ages?|aged|alter(?:sgruppen?)?|edad(?:es)?|idades?|et[aà]|[aâ]ge|leeftijd|years?(?: old)?|jahren?|ans|años?"
    r"|anos?|anni|jaar"
    rf"|{any_of(*AGE_WORDS)})(?![^\W_])"
)
"""Words of ages, in names of columns and in their labels."""
GENERIC = re.compile(
    r"level_\d+|rows?|columns?(?:_?\d+)?|columns?_of_.*|groups?|labels?|category|categories|name|unnamed.*|label_\(grouping\)"
    r"|\(column_\d+\)|c_.*_name|"
)
"""Names of columns that say nothing of what is in them."""
SEXES = re.compile(
    r"性别|性別|男女(?:別|_[0-9]+)?|성별|sex|sexes|gender|sexe|sexo|género|genero|geschlecht|geschlechter|sesso|genere|geslacht"
)
OF_AGE = re.compile(
    r"年[齢龄齡](?:階級|各歳|[0-9]区分|组)?|연령(?:대)?별?|나이|(?:(?:single_)?years?_of_)?ages?(?:_?(?:group|groups|band|bands|class|classes))?(?:_in_(?:single_)?years)?|alter|alters?_?(?:gruppen?|jahre?)"
    r"|âge|groupes?_d'âges?|tranches?_d'âges?|edad(?:es)?|grupos?_de_edad(?:es)?|grupos?_et[aá]rios?|idades?|grupos?_de_idades?"
    r"|età|class[ei]_di_età|leeftijd(?:sgroep(?:en)?|sklassen?)?"
)
_TAIL = re.compile(r"_*\(\d+[a-z]?(?:_categor(?:y|ies))?\)$")
_THINGS = {
    "tenure": r"own(?:ed|er|s|ing)?\b|rent|mortgage|landlord|tenan|eigent|miete|propri[eéo]t|locatair|propiedad|alquil"
    r"|affitto|koopwoning|huur|arrend|alugad",
    "marital_status": r"\bsingle\b|married|divorced|widowed|partnership|ledig|verheiratet|geschieden|verwitwet|célibataire"
    r"|marié|veuf|veuv|solter|casad|viud|viúv|celib|nubil|coniugat|vedov|ongehuwd|gehuwd|verweduwd",
    "travel_to_work": r"\bcars?\b|\bvan\b|drove|carpool|\bbus|train|tram|metro|subway|bicycle|on foot|walked|taxi|motorcycle"
    r"|public transport|from home",
    "economic_activity": r"employe|labou?r force|economically|inactive|retired|erwerb|arbeitslos|actifs?\b|chôm"
    r"|inactif|ocupad|parad|desemple|occupat|werkzaam|werkloos|beroepsbevolking",
    "cars": r"\bcars?\b|vehicle|voiture|automóvil|coches?\b|automobil|auto's",
    "bedrooms": r"bedroom",
    "rooms": r"\brooms?\b|zimmer|räume|pièces|habitacion|cômodo|stanze|kamers?\b",
    "household_size": r"\bpersons?\b|\bpeople\b|person(?:en|nes|as)\b|pessoas?\b|persone\b|personenhaushalt"
    r"|eenpersoons|meerpersoons",
    "education": r"qualification|degree|school|bachelor|master|doctora|\bgrade\b|abschluss|diplôm|estudios|istruzione|ensino"
    r"|opleiding",
    "health": r"\bhealth\b",
    "dwelling": r"house|bungalow|flat\b|apartment|detached|terraced|maisonette|dwelling|mobile home|caravan|haus\b|häuser"
    r"|wohnung|maison|appartement|\bpiso\b|vivienda|apartamento|appartament",
}
THINGS = {name: re.compile(words) for name, words in _THINGS.items()}
"""What most labels of a variable speak of, by its name; the first that fits."""


def generic(head: str) -> bool:
    """Whether the name of a column says nothing of what is in it.

    >>> [generic(head) for head in ("level_1", "columns of table", "C_SEX_NAME", "Sex")]
    [True, True, True, False]
    """
    return GENERIC.fullmatch(column_key(head)) is not None


def sex_of(label: str) -> str:
    """Of a label that is one of the two sexes, which; empty otherwise.

    >>> sex_of("Men+"), sex_of("Frauen"), sex_of("Owned")
    ('male', 'female', '')
    """
    plain = undressed(label).rstrip("+ ")
    return "male" if plain in MALE else "female" if plain in FEMALE else ""


def meaning(labels: Sequence[str], words: Sequence[str] = ()) -> str:
    """The name of what labels are of; empty where they do not tell.

    Args:
        labels: of one side of a table.
        words: titles of the table, which tell of bands of numbers without a unit that they are ages.

    >>> meaning(["Male", "Female"]), meaning(["Owner occupied", "Renter occupied"]), meaning(["Flat", "North"])
    ('sex', 'tenure', '')
    >>> meaning(["Under 15 years", "15 years and over"]), meaning(["0-14", "65+"], ["Persons by age"]), meaning(["1", "2+"])
    ('age', 'age', '')
    """
    if len(labels) < 2:
        return ""
    if {"male", "female"} <= set(map(sex_of, labels)) and len(labels) <= MOST_SEXES:
        return "sex"
    plain = [undressed(label) for label in labels]
    spans = [span(label) for label in labels]
    if all(one is not None for one in spans):
        far = max(one.low for one in spans if one is not None) >= LEAST_OLD
        told = sum(AGES.search(text) is not None for text in plain) > MOST * len(plain)
        if told or (far and any(AGES.search(word.casefold()) for word in words)):
            return "age"
    for name, found in THINGS.items():
        several = len({text for text in plain if found.search(text)})
        if several > max(1, MOST * len(plain)) or several == len(plain):
            return name
    return ""


def concept(head: str, labels: Sequence[str], words: Sequence[str] = ()) -> str:
    """Which of the two things that nearly all tables have a column is: `sex` or `age`; empty for another, or of somebody else.

    >>> concept("Gender", ["Men+", "Women+"]), concept("Sex of the reference person", ["Male", "Female"])
    ('sex', '')
    """
    plain = _TAIL.sub("", column_key(head))
    if generic(head):
        found = meaning(labels, words)
        return found if found in ("sex", "age") else ""
    if SEXES.fullmatch(plain):
        return "sex" if {"male", "female"} == set(map(sex_of, labels)) else ""
    return "age" if OF_AGE.fullmatch(plain) and len(labels) > 1 and all(map(span, labels)) else ""


MOST_SEXES = 4
"""Labels of a side of sexes: beside the two some tables have others."""
LEAST_OLD = 60
"""Least age with which bands of ages end."""
