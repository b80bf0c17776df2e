"""Keys that a server may send back: no text of a server is kept or shown before it went through here.

A secret is every variable of the environment that is called one (KEY, TOKEN, SECRET, PASSWORD and the like) and the password in
any address there, a proxy's for instance. Short values, ordinary words and plain numbers are none: a key `household` would take
that word out of every answer. Found are a secret and any longer piece of it as they are, in capitals or not, spaced or split by
what is no letter or digit, backwards, escaped (JSON, percent, HTML), and written in base64 or hexadecimal digits. No list of
disguises is complete: a server that means harm knows its key already.
"""

import base64
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote

HIDDEN = "***"
SHORTEST = 8
"""Letters and digits of a secret that holds both."""

SHORTEST_WORD = 20
"""Of a secret that holds letters alone or digits alone, which may well be words or a figure."""

PIECE = 12
STRIDE = 4
"""A piece of a secret is found from PIECE + STRIDE - 1 letters and digits on; looked for at every fourth place."""

_CALLED_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|_(?:PASS|PWD)$", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"://[^/\s@]*?:([^/\s@]+)@")
_ESCAPE = r"(?<!\\)\\++(?:u00|x)([0-9a-fA-F]{2})|%(?:25)*([0-9a-fA-F]{2})|&#0*(\d{2,3});|&#[xX]0*([0-9a-fA-F]{2});"
_TOKEN = re.compile(rf"{_ESCAPE}|([A-Za-z0-9])")
_ESCAPED = re.compile(_ESCAPE)
_OTHERS = re.compile(r"[^A-Za-z0-9]+")
_RUN = re.compile(rf"(?:{_ESCAPE}|[A-Za-z0-9]|(?<=[A-Za-z0-9])[-_.+/=]+(?=[A-Za-z0-9]))+")
_CODE = re.compile(r"[A-Za-z0-9+/=_-]")


def without_secrets(text: str) -> str:
    """The text with *** for every secret of the environment; the same text where it holds none.

    >>> os.environ["EXAMPLE_API_KEY"] = "ex-4711abc0815"
    >>> without_secrets('["EX-4711abc0815", "5180cba1174-xe", "ex-4711", "abc0815", "age"]')
    '["***", "***", "***", "***", "age"]'
    >>> del os.environ["EXAMPLE_API_KEY"]
    """
    letters = _letters(text)
    for secret in dict.fromkeys(_secrets()):
        for _ in range(SHORTEST):  # what is left around a secret may make another
            found = [needle for needle in _needles(secret) if needle[0] in letters]
            if not found:
                break
            text = _masked(text, found)
            letters = _letters(text)
    return text


def message_without_secrets(text: str) -> str:
    """As `without_secrets`, for a message to a person: shorter secrets too, and what merely looks like a key."""
    text = without_secrets(text)
    for variable, value in os.environ.items():
        if _CALLED_SECRET.search(variable) and len(value) >= 6:
            text = text.replace(value, HIDDEN)
    return re.sub(r"\b(sk|key|AIza)[-_A-Za-z0-9*]{8,}", HIDDEN, text)


def _secrets() -> Iterator[str]:
    """The letters and digits of every secret of the environment."""
    for variable, value in os.environ.items():
        found = [value] if _CALLED_SECRET.search(variable) else []
        found += [part for password in _IN_ADDRESS.findall(value) for part in (password, unquote(password))]
        for secret in found:
            letters = _OTHERS.sub("", secret).lower()
            mixed = not letters.isalpha() and not letters.isdigit()
            if len(letters) >= (SHORTEST if mixed else SHORTEST_WORD):
                yield secret


@lru_cache(maxsize=256)
def _needles(secret: str) -> tuple[tuple[str, str, bool], ...]:
    """What to look for among the letters and digits of a text, what it is a piece of, and whether its whole run hides it."""
    plain = _OTHERS.sub("", secret).lower()
    found = {}
    for letters in (plain, plain[::-1]):
        found[letters] = (letters, False)
        for at in {*range(0, len(letters) - PIECE, STRIDE), max(len(letters) - PIECE, 0)}:
            piece = letters[at : at + PIECE]
            if not piece.isalpha() and not piece.isdigit():
                found[piece] = (letters, False)
    raw = secret.encode("utf-8", "replace")
    codes = [raw.hex()]
    for before in range(3):  # of the three bytes that four letters of base64 stand for
        code = base64.b64encode(b"\0" * before + raw).decode()
        codes.append(code[(0, 2, 3)[before] : len(code) - (0, 3, 2)[(before + len(raw)) % 3]])  # the rest is not certain
    for code in codes:
        letters = _OTHERS.sub("", code).lower()
        found[letters] = (letters, True)
    return tuple((needle, *rest) for needle, rest in found.items())


def _letters(text: str) -> str:
    """The letters and digits of a text, small, those that are escaped too."""
    return _OTHERS.sub("", _ESCAPED.sub(_meant, text)).lower()


def _meant(escape: re.Match[str]) -> str:
    hexadecimal = escape[1] or escape[2] or escape[4]
    meant = chr(int(hexadecimal, 16) if hexadecimal else int(escape[3]))
    return meant if _CODE.match(meant) else " "


def _masked(text: str, needles: list[tuple[str, str, bool]]) -> str:
    """The text with *** for the needles and what goes on around them as their secret does."""
    small, places = [], []
    for token in _TOKEN.finditer(text):
        letter = token[5] or _meant(token)
        if letter.isalnum():
            small.append(letter.lower())
            places.append(token.span())
    letters = "".join(small)
    hidden = bytearray(len(text))
    for needle, secret, is_code in needles:
        at, first = letters.find(needle), secret.index(needle)
        while at >= 0:
            begin, end = at, at + len(needle)
            while begin > 0 and first > at - begin and letters[begin - 1] == secret[first - (at - begin) - 1]:
                begin -= 1
            while end < len(letters) and first + end - at < len(secret) and letters[end] == secret[first + end - at]:
                end += 1
            left, right = places[begin][0], places[end - 1][1]
            while is_code and left > 0 and _CODE.match(text[left - 1]):
                left -= 1
            while is_code and right < len(text) and _CODE.match(text[right]):
                right += 1
            hidden[left:right] = b"\1" * (right - left)
            at = letters.find(needle, end if end > at else at + 1)
    parts = [text[begin:end] for begin, end in (run.span() for run in re.finditer(rb"\x00+|\x01+", hidden))]
    return "".join(_RUN.sub(HIDDEN, part) if i % 2 != hidden.startswith(b"\1") else part for i, part in enumerate(parts))
