"""Labels of which people may have several, so that they are no parts of a whole: answers, aids, languages."""

import re

import numpy as np

from synthor.draft.cube import Cube, SideLabels
from synthor.draft.grid import Grid, quoted
from synthor.draft.roles import PERCENT, Roles
from synthor.draft.wholes import NEARLY, allowed_off
from synthor.spec.tables.labels import column_key, undressed

SEVERAL = re.compile(
    r".*(?:\bmultiple[ -](?:answers?|responses?|choices?|mentions?|codes?|coded)|\bmulti-?(?:response|coded|punch)"
    r"|\bmore than one (?:answer|response|option)|\b(?:select|tick|check|mark) all that apply"
    r"|\bseveral (?:answers|responses|possible)|(?:\bper ?cent|\bpercentage|%) of (?:cases|respondents)\b"
    r"|mehrfach(?:nennung|antwort|angabe|zählung)|\bmehrere (?:antworten|nennungen|angaben)"
    r"|\bplusieurs (?:réponses|choix)|\b(?:réponses?|choix) multiples?|\brespuestas? (?:m[uú]ltiples?|varias)"
    r"|\b(?:varias|más de una) respuestas?|\bopci[oó]n m[uú]ltiple|\brespostas? m[uú]ltiplas?|\bmais de uma resposta"
    r"|\brispost[ae] multipl[ae]|\bpi[uù] risposte|\bmeerdere antwoorden|\bmeer dan één antwoord|\bflera svar|\bflere svar"
    r"|\bwielokrotn\w+ (?:wybór|odpowied)|\bmożliwość wyboru (?:kilku|wielu)|\bvíce odpovědí|\buseita vastauksia|\btöbb válasz"
    r"|複数回答|多选|複選|복수 ?응답|несколько ответов|множественн\w+ выбор|birden fazla (?:cevap|yanıt)).*",
    re.IGNORECASE | re.DOTALL,
)
"""What says that people could give several answers."""
_COMBINED = re.compile(r".*\balone or in (?:any )?combination.*", re.IGNORECASE)
_ANY = re.compile(
    r"any|(?:any|at least one|one or more|mindestens eine?[rsn]?|irgendeine?|au moins une?|al menos una?|pelo menos uma?"
    r"|almeno un[oa']?|minstens één|minst (?:en|ett)|ainakin yksi|co najmniej jed\w+|alespoň jed\w+)\b.*|.*いずれか.*|至少.*"
)
_BASE = re.compile(
    r"(?:all |total |number of |unweighted |weighted )*(?:base|bases|respondents?|interviews|cases|sample)"
    r"|befragte|répondants|encuestados|entrevistados|respondentes|rispondenti|intervistati|respondenten|回答者数?|受访者|응답자"
)
_NONE = re.compile(
    r"(?:none|no|not|never|without|keine?[rsn]?|nicht|ohne|aucune?|sans|ning[uú]n[oa]?|sin|nenhum[a]?|sem|nessun[oa]?|senza"
    r"|geen|zonder|ingen|inget|ei|brak|żadn\w+|žádn\w+|bez|нет|なし|无|없음)\b.*"
)
_WITH = re.compile(r"(?:^|(?<=\s))(?:with|mit|avec|con|com|met|med|z|ze|s|se|с)\s")
_WITHOUT = re.compile(
    r"(?:^|(?<=\s))(?:without|ohne|sans|sin|senza|sem|zonder|utan|uden|uten|bez|без|not|nicht)\s|(?:^|(?<=\s))non[- ]?(?=\w)"
)
MOST = 60
"""Labels up to which opposites are looked for."""
MOST_APART = 0.01
"""Share by which counts may add up to another number than their percentages are of."""


def answers_of(grid: Grid, roles: Roles, cube: Cube) -> str:
    """Why counts cannot be added up, since people are counted once for each answer that they gave; empty where they can."""
    told = [*grid.words, *(head[i] for head in grid.heads for i in range(grid.width))]
    if text := next((text for text in told if SEVERAL.fullmatch(text)), ""):
        return f"says that people may be counted under several labels ('{_short(text)}'): take one label a table"
    for edge in cube.sides:
        if text := next((edge.labels[i] for i in edge.present if _COMBINED.fullmatch(edge.labels[i])), ""):
            return f"counts people under several labels ('{_short(text)}'): take one label a table"
        if parts := _overlapping(cube, edge):
            whole, others = parts
            return (
                f"'{whole}' is less than {quoted(others)} together, so people are counted under several of them: "
                "take one label a table"
            )
    base = _percent_of(grid, roles)
    if base is not None and cube.sum is not None and cube.sum > base * (1 + MOST_APART):
        return f"per cent are of {base:,.0f}, but counts add up to {cube.sum:,.10g}: people are counted under several labels"
    return ""


def _short(text: str) -> str:
    return text if len(text) < 60 else f"{text[:57]}..."


def _overlapping(cube: Cube, edge: SideLabels) -> tuple[str, list[str]] | None:
    """A label of people who have any of the others, and these others, where they are more; otherwise it is their whole."""
    present = [i for i in edge.present if edge.labels[i] and not edge.total(i) and i not in edge.wholes.of]
    plain = {i: undressed(edge.labels[i]) for i in present}
    over = [i for i in present if _ANY.fullmatch(plain[i]) or _BASE.fullmatch(plain[i])]
    opposite = (
        {i: j for i in present for j in present if i != j and _is_opposite(plain[i], plain[j])} if len(present) < MOST else {}
    )
    if not over and len(opposite) == 1:
        over = list(opposite)
    if len(over) != 1:
        return None
    based = _BASE.fullmatch(plain[over[0]]) is not None
    parts = [i for i in present if i not in (over[0], opposite.get(over[0])) and (based or not _NONE.fullmatch(plain[i]))]
    cells = cube.cells_of(edge, present) if len(parts) > 1 else None
    if cells is None:
        return None
    whole, inside = cells[present.index(over[0])], cells[[present.index(i) for i in parts]]
    told = ~np.isnan(whole) & ~np.isnan(inside).any(axis=0)
    if not told.any() or (inside[:, told] > whole[told] + cube.room).any():
        return None
    off = (inside.sum(axis=0) - whole)[told]
    if (off > allowed_off(whole, len(parts), cube.room, NEARLY)[told]).any():
        return edge.labels[over[0]], [edge.labels[i] for i in parts]
    if (np.abs(off) <= allowed_off(whole, len(parts), cube.room)[told]).all():
        edge.wholes.of[over[0]] = parts
    else:
        edge.wholes.asked[over[0]] = parts
    return None


def _is_opposite(label: str, other: str) -> bool:
    """Whether another label is of all whom the first is not of: with and without."""
    without = {_WITHOUT.sub(" ", other, count=1).strip()}
    return (
        _WITHOUT.search(other) is not None
        and bool(without & {label, _WITH.sub(" ", label, count=1).strip()})
        and label != other
    )


def _percent_of(grid: Grid, roles: Roles) -> float | None:
    """What per cent beside one column of counts are of at most; None where there are none, or they are of several numbers."""
    columns = [
        i for i in range(grid.width) if i in roles.left and PERCENT.fullmatch(column_key(grid.name(i)).replace("_", " "))
    ]
    if len(columns) != 1 or len(roles.values) != 1:
        return None
    low, high = 0.0, np.inf
    for row in grid.rows:
        count, share = grid.number(row[roles.values[0]]), grid.number(row[columns[0]])
        if count is None or share is None or not count.told or not share.told or share.value <= 0:
            continue
        value = share.value * (100 if row[columns[0]].endswith("%") and share.value <= 1 else 1)
        half = 0.5 * 10.0**-share.decimals
        if value >= 100:  # of the largest, or of a total
            return None
        low = max(low, 100 * count.value / (value + half))
        high = min(high, 100 * count.value / (value - half)) if value > half else high
    return high if low <= high < np.inf else None
