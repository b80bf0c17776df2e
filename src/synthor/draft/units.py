"""What is counted: people, homes, cars, births. Numbers of different things are never added up."""

import re

from synthor.spec.tables.labels import undressed

_LEAD = (
    "number|no|count|total|sum|all|usual|resident|private|permanent|of|tot|zahl|anzahl|der|nombre|de|número|numero|di|aantal"
    "|antal|antall|liczba|počet|broj|numărul|število|αριθμός|число|количество|кількість"
)
_WORDS = {
    "people": (
        r"persons?|people|pop(?:ulation)?|inhabitants|(?:usual )?residents|residents|individuals|personen|bevölkerung"
        r"|einwohner|einwohnerinnen|personnes|habitants?|résidents|personas|población|habitantes|residentes|pessoas"
        r"|população|moradores|persone|popolazione|residenti|abitanti|bevolking|inwoners|folkm[äe]ngd|invånare"
        r"|befolkning|personer|folketal|folketall|indbyggere|innbyggere|väkiluku|väestö|asukkaat|asukkaita|henkilöt"
        r"|ludność|osoby|osób|mieszkańcy|obyvatel(?:é|stvo)?|osob|lakosság|népesség|fő|populație|populația|persoane"
        r"|locuitori|πληθυσμός|κάτοικοι|stanovništvo|stanovnici|prebivalci|prebivalstvo|nüfus|kişi|население|жители"
        r"|численность населения|населення|чоловік|població|persones"
        r"|人口|人口数|总人口|總人口|人数|인구|인구수|السكان|penduduk|dân số"
        r"|pop total|totpop|tot pop|hh ?pop|gq ?pop"
    ),
    "households": (
        r"households?|hhs?|tot ?hh|families|haushalte?|privathaushalte|familien|ménages|foyers|familles|hogares|familias"
        r"|domicílios|agregados|famílias|famiglie|nuclei familiari|huishoudens|gezinnen|hushåll|husstande?|husholdninger"
        r"|husholdninger|kotitaloudet|asuntokunnat|gospodarstwa(?: domowe)?|domácnosti|háztartás(?:ok)?|gospodării"
        r"|νοικοκυριά|kućanstva|gospodinjstva|hane(?: sayısı)?|домохозяйства|семьи|llars"
        r"|世帯|世帯数|户数|家庭户|戶數|세대|세대수|가구|가구수"
        r"|rumah tangga"
    ),
    "homes": (
        r"homes|dwellings?|(?:housing )?units|du|dwelling units"
        r"|(?:occupied|vacant|empty) (?:homes|dwellings|(?:housing )?units)|wohnungen|wohneinheiten|logements"
        r"|viviendas|alojamentos|fogos|abitazioni|alloggi|woningen|bostäder|lägenheter|boliger|asunnot"
        r"|mieszkania|byty|lakás(?:ok)?|locuințe|κατοικίες|stanovi|stanovanja|konut|жилища|квартиры|habitatges|住宅"
        r"|住宅数|住房|주택|주택수"
    ),
    "cars": (
        r"cars|vehicles|autos|automobiles|trucks|motor vehicles|pkw|kraftfahrzeuge|kfz|voitures|véhicules|coches"
        r"|turismos|vehículos|carros|veículos|automobili|autovetture|veicoli|auto's|voertuigen|personbilar|bilar|biler"
        r"|personbiler|autot|samochody|auta|gépkocsik|mașini|otomobil|автомобили|乗用車|自動車|汽车|자동차|total ?cars"
        r"|total ?vehicles|cars ?total|motorcycles"
    ),
    "births": (
        r"(?:live )?births|newborns?|geburten|lebendgeborene|geborene|naissances|nacimientos|nascimentos|nascite"
        r"|nati(?: vivi)?|geboorten|levendgeborenen|födda|fødte|levendefødte|syntyneet|urodzenia|narození|živě narození"
        r"|születések|nașteri|γεννήσεις|rođeni|rojeni|doğum|doğumlar|рождения|родившиеся|出生|出生数|출생|출생아수"
    ),
    "deaths": (
        r"deaths|todesfälle|gestorbene|sterbefälle|décès|defunciones|muertes|óbitos|morti|decessi|sterfte|overledenen"
        r"|döda|dødsfall|døde|kuolleet|zgony|zemřelí|halálozások|decese|θάνατοι|umrli|ölüm|смерти|умершие|死亡|死亡数|사망"
    ),
    "marriages": (r"marriages|eheschließungen|mariages|matrimonios|casamentos|matrimoni|huwelijken|vigslar|śluby|sňatky|婚姻"),
    "divorces": (r"divorces|scheidungen|ehescheidungen|divorcios|divórcios|divorzi|echtscheidingen|rozwody|rozvody|離婚"),
    "jobs": (
        r"jobs|employment|emp|totemp|tot ?emp|employees|workplaces|arbeitsplätze|beschäftigte|emplois|empleos|empregos"
        r"|posti di lavoro|banen|arbeidsplaatsen|arbetsplatser|arbejdspladser|työpaikat|miejsca pracy|pracovní místa"
        r"|firms|businesses|establishments|enterprises|unternehmen|betriebe|entreprises|empresas|imprese|bedrijven"
    ),
    "pupils": (
        r"pupils|students|schüler(?:innen)?|élèves|alumnos|alunos|alunni|leerlingen|elever|oppilaat|uczniowie|žáci|児童生徒数"
    ),
    "places": (
        r"vacancies|school places|enrol?l(?:ment)?|schools|teachers|beds|hospitals|rooms|bedrooms|zimmer|pièces|habitaciones"
        r"|stanze"
    ),
    "trips": (
        r"trips|journeys|tours|wege|fahrten|déplacements|viajes|viagens|spostamenti|viaggi|verplaatsingen|resor|rejser"
        r"|matkat"
    ),
}
_BEHIND = r"(?:,? (?:total|in total|insgesamt|totale?s?))?"
_THINGS = {thing: re.compile(f"(?:(?:{_LEAD}) )*(?:d')?(?:{words}){_BEHIND}") for thing, words in _WORDS.items()}
PERSONAL = re.compile(
    r"(?:tot(?:al)?s? )?(?:m|f|men|women|males?|females?|boys|girls|männer|frauen|männlich|weiblich|hommes?|femmes?"
    r"|masculin|féminin|hombres?|mujeres?|varones|homens|mulheres|masculino|feminino|maschi|femmine|uomini|donne"
    r"|mannen|vrouwen|män|kvinnor|mænd|kvinder|menn|kvinner|miehet|naiset|mężczyźni|kobiety|muži|ženy|férfi|nő|férfiak"
    r"|nők|bărbați|femei|άνδρες|γυναίκες|muškarci|žene|moški|ženske|erkek|kadın|мужчины|женщины|чоловіки|жінки"
    r"|homes i dones|男|女|男性|女性|남|여|남자|여자|children|adults|child|adult|pensioners|kinder|erwachsene|enfants|adultes"
    r"|niños|adultos)"
)
"""Labels of people alone, beside which homes or cars are something else."""
AREA = re.compile(
    r"(?:.*[ (])?(?:km2|km²|km\^2|ha|hectares?|hektar|sq\.? ?(?:km|mi(?:les)?)|acres)\)?|面積|面积|면적|площадь.*"
    r"|powierzchnia.*|rozloha.*|výměra.*|areal.*|yta|pinta-ala.*|yüzölçümü.*|suprafața.*|terület.*|έκταση.*|površina.*"
    r"|.*(?:dichte|densité|densidade?|densità|dichtheid|täthet|tæthed|tetthet|tiheys|gęstość|hustota|sűrűség|плотность"
    r"|密度|밀도|yoğunlu).{0,20}"
)
"""Columns of sizes of areas, and of how densely they are peopled."""
_YEAR = re.compile(r"[\s_]\(?(?:19|20)\d\d\)?\Z|\A(?:19|20)\d\d[\s_]")
GROUPS = frozenset(("people", "households", "homes", "jobs"))
"""What a population may be made of; the others happen to it, or belong to it."""

HAPPEN = frozenset(("births", "deaths", "marriages", "divorces", "places"))
"""What is hardly ever one of several categories."""


def thing_of(label: str) -> str:
    """What a head or label says is counted; empty where it says nothing of that.

    >>> thing_of("Number of households"), thing_of("人口"), thing_of("Live births"), thing_of("North")
    ('households', 'people', 'births', '')
    """
    plain = re.sub(r"[\s_]+", " ", _YEAR.sub(" ", undressed(label))).strip()
    return next((thing for thing, pattern in _THINGS.items() if pattern.fullmatch(plain)), "")
