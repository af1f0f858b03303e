"""What drawn pages say: words, sentences, names, addresses, dates and sums of money, all made up.

Knows words and numbers only; nothing about pages. Half of all surnames, towns and companies are put together from
syllables, so that whoever learns to read them has to look at every letter.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(","))


NOUNS = _words("""
    garden river window market teacher bridge letter kitchen engine village doctor forest ticket island mirror
    basket harbour lesson bottle camera winter summer morning evening journey museum pocket branch valley farmer
    painter library station hammer blanket candle feather orchard signal tunnel wagon anchor button carpet drawer
    envelope factory gallery hospital invoice jacket kettle ladder meadow needle office parcel quarter recipe saddle
    theatre umbrella vessel workshop yard zebra budget contract customer delivery estimate figure house
    journal
""")
ADJECTIVES = _words("""
    quiet bright narrow heavy gentle broken modern ancient yellow purple careful curious distant empty famous frozen
    golden hidden honest lively local lonely perfect quick rapid simple strange sudden useful vivid warm young extra
    annual public private weekly brief complex fair final fresh general huge major minor natural plain proper
""")
VERBS = _words("""
    opened closed carried followed painted repaired visited watched counted crossed delivered described discovered
    examined expected finished gathered helped improved joined kept lifted measured noticed offered packed protected
    reached received removed replaced returned saved searched shipped signed stopped studied touched turned used
""")
ADVERBS = _words("""
    quickly slowly often never today yesterday quietly always soon again twice carefully almost rarely usually
    exactly
""")
PLACES = _words("""
    near behind beside above below under across inside beyond around against along before after
""")
FIRST_NAMES = _words("""
    Anna Ben Clara David Emma Felix Grace Hugo Iris Jack Kate Liam Mia Noah Olga Paul Quinn Rosa Sam Tina Umar Vera
    Will Xenia Yara Zoe Alice Boris Celia Derek Elsa Frank Gloria Henry Ines Jonas Kim Laura Martin Nora Oscar Petra
""")
SURNAMES = _words("""
    Adams Baker Carter Dixon Evans Fisher Grant Harris Ingram Jones Keller Lopez Miller Novak Owens Parker Quigley
    Rossi Schmidt Turner Underwood Vogel Weber Xavier Young Zeller Berg Costa Dubois Eriksen Ferrari Garcia Hansen
""")
TOWNS = _words("""
    Ashford Brighton Camden Dover Easton Fairview Greenwich Hastings Kingston Lincoln Milton Newport
""")
STREETS = _words("""
    Oak Mill High Church Park Station Bridge King Queen Garden River Hill Lake Maple Cedar School
""")
STREET_KINDS = ("Street", "Road", "Lane", "Avenue", "Way", "Court", "Square", "St.", "Rd.", "Ave.")
FIRMS = ("Ltd", "Inc.", "& Sons", "Group", "GmbH", "Partners", "& Co.", "Trading", "Services", "Studio")
SHOPS = ("Market", "Bakery", "Cafe", "Books", "Grocery", "Pharmacy", "Bistro", "Hardware", "Deli", "Florist", "Corner")
JOBS = _phrases("""
    Sales Manager, Architect, Chief Engineer, Dentist, Head of Design, Lawyer, Photographer, Project Manager,
    Consultant, Software Developer, Interior Designer, Managing Director, Journalist, Tax Adviser, Nurse, Research
    Fellow
""")
GROCERIES = _phrases("""
    Apple juice, Bananas, Bread rolls, Butter, Carrots, Cheddar, Chicken soup, Coffee, Croissant, Dark chocolate,
    Eggs x12, Espresso, Flour 1kg, Garlic, Green tea, Honey, Ice cream, Jam, Ketchup, Lemonade, Lemons, Milk 1l,
    Muesli, Mushrooms, Olive oil, Onions, Orange, Pasta, Peanuts, Pepper, Pizza, Potatoes, Quiche, Rice 500g, Salad,
    Salmon, Sandwich, Soap, Sparkling water, Sugar, Tomatoes, Tuna, Vinegar, Walnuts, Yoghurt, Zucchini, Notebook
    A5, Pencils, Batteries AA, Candles
""")
GOODS = _phrases("""
    Desk lamp, Office chair, Printer paper, Cable 2m, Monitor 27in, Keyboard, Web design, Consulting, Translation,
    Repair work, Hosting, Training day, Copper pipe, Steel plate, Oak board, Paint 5l, Filter set, Pump P40, Valve
    V12, Sensor kit, Travel cost, Installation, Software licence, Support hours, Battery pack, Toolbox, Workbench,
    Cleaning, Delivery, Gasket
""")
MONTHS = _words("January February March April May June July August September October November December")
SYLLABLES = _words("""
    ba be bo da del do fa fen ga gor ha hel ja jo ka kel lo lu ma mer mi na nor pa pel qui ra rin sa sto ta ter va
    vex wa wil ya zan bri cla dro fla gri kra pla sho tru wen
""")


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of them, each as likely as the others."""
    return choices[int(rng.integers(len(choices)))]


def sentence(rng: np.random.Generator) -> str:
    """A sentence of 3 to about 20 words that says nothing."""
    return pick(rng, _SENTENCES)(rng)


def paragraph(rng: np.random.Generator, characters: int) -> str:
    """Whole sentences of at most so many characters together, at least one sentence."""
    text = sentence(rng)
    while len(longer := f"{text} {sentence(rng)}") <= characters:
        text = longer
    return text


def title(rng: np.random.Generator) -> str:
    """A heading of two to four words."""
    adjective, noun, other = pick(rng, ADJECTIVES), pick(rng, NOUNS), pick(rng, NOUNS)
    form = pick(rng, ("{0} {1}", "The {0} {1}", "{0} {1} and {2}", "{1} {2}", "A {1} {place} the {2}"))
    words = form.format(adjective, noun, other, place=pick(rng, PLACES))
    return words.title() if rng.random() < 0.5 else words.capitalize()


def item(rng: np.random.Generator) -> str:
    """What stands in a list: two to about seven words without a full stop."""
    adjective, noun, other = pick(rng, ADJECTIVES), pick(rng, NOUNS), pick(rng, NOUNS)
    form = pick(rng, ("{0} {1}", "{0} {1} {2} the {3}", "{4} {5}", "the {0} {1}", "{1} and {3}"))
    words = form.format(adjective, noun, pick(rng, PLACES), other, int(rng.integers(2, 100)), plural(noun))
    return words[0].upper() + words[1:]


def strange(rng: np.random.Generator, text: str) -> str:
    """The text with half of its letters and digits exchanged for others, so that it has to be seen to be known."""
    alphabets = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    others = {letter: alphabet for alphabet in alphabets for letter in alphabet}
    return "".join(pick(rng, others[letter]) if letter in others and rng.random() < 0.5 else letter for letter in text)


def plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}{'es' if noun.endswith(('ch', 's', 'x')) else 's'}"


def invented(rng: np.random.Generator) -> str:
    """A name that does not exist: two or three syllables."""
    return "".join(pick(rng, SYLLABLES) for _ in range(int(rng.integers(2, 4)))).capitalize()


def surname(rng: np.random.Generator) -> str:
    return pick(rng, SURNAMES) if rng.random() < 0.5 else invented(rng)


def person(rng: np.random.Generator) -> str:
    initial = f" {chr(65 + int(rng.integers(26)))}." if rng.random() < 0.15 else ""
    return f"{pick(rng, FIRST_NAMES)}{initial} {surname(rng)}"


def company(rng: np.random.Generator) -> str:
    return f"{surname(rng)} {pick(rng, FIRMS)}"


def shop(rng: np.random.Generator) -> str:
    return f"{surname(rng)} {pick(rng, SHOPS)}"


def town(rng: np.random.Generator) -> str:
    return pick(rng, TOWNS) if rng.random() < 0.5 else invented(rng)


def street(rng: np.random.Generator) -> str:
    return f"{int(rng.integers(1, 400))} {pick(rng, STREETS)} {pick(rng, STREET_KINDS)}"


def place(rng: np.random.Generator) -> str:
    """A town with its post code."""
    return f"{town(rng)} {digits(rng, 5)}" if rng.random() < 0.6 else f"{digits(rng, 5)} {town(rng)}"


def digits(rng: np.random.Generator, count: int) -> str:
    return "".join(str(digit) for digit in rng.integers(10, size=count))


def code(rng: np.random.Generator) -> str:
    """A number as invoices and tickets have it: INV-20817, 2024/0931, A7-4410."""
    letters = "".join(chr(65 + int(letter)) for letter in rng.integers(26, size=2))
    forms = ("INV-{n}", "{l}-{n}", "20{y}/{n}", "{l}{n}", "No-{n}", "{n}")
    return pick(rng, forms).format(n=digits(rng, int(rng.integers(4, 7))), l=letters, y=int(rng.integers(10, 30)))


def phone(rng: np.random.Generator) -> str:
    form = pick(rng, ("+{a} {b} {c} {d}", "({b}) {c}-{d}", "{b}-{c}-{d}", "0{b} {c}{d}"))
    return form.format(a=int(rng.integers(1, 99)), b=digits(rng, 3), c=digits(rng, 3), d=digits(rng, 4))


def domain(rng: np.random.Generator, name: str) -> str:
    """An address in the web for a name: its letters, and one of the ends."""
    letters = "".join(letter for letter in name.lower() if letter.isalnum())
    return f"{letters}.{pick(rng, ('com', 'org', 'net', 'co.uk', 'de', 'example'))}"


def day(rng: np.random.Generator) -> date:
    return date(2010, 1, 1) + timedelta(days=int(rng.integers(365 * 20)))


def date_form(rng: np.random.Generator) -> Callable[[date], str]:
    """One of the ways in which dates are written."""
    return pick(rng, _DATE_FORMS)


def clock(rng: np.random.Generator) -> str:
    return f"{int(rng.integers(7, 22)):02d}:{int(rng.integers(60)):02d}"


@dataclass(frozen=True, slots=True)
class Money:
    """How a currency is written: what stands before and behind the number. Amounts are whole cents."""

    code: str
    before: str = ""
    after: str = ""

    def text(self, cents: int) -> str:
        return f"{'-' if cents < 0 else ''}{self.before}{abs(cents) // 100:,}.{abs(cents) % 100:02d}{self.after}"


MONEY: tuple[Money, ...] = (
    Money("USD", before="$"),
    Money("EUR", before="€"),
    Money("GBP", before="£"),
    Money("EUR", after=" EUR"),
    Money("CHF", before="CHF "),
    Money("USD", after=" USD"),
)


def _told(rng: np.random.Generator) -> str:
    verb, adverb = pick(rng, VERBS), pick(rng, ADVERBS)
    return f"The {_thing(rng)} {verb} the {_thing(rng)}{f' {adverb}' if rng.random() < 0.4 else ''}."


def _placed(rng: np.random.Generator) -> str:
    return f"{_told(rng)[:-1]} {pick(rng, PLACES)} the {pick(rng, NOUNS)}."


def _by_somebody(rng: np.random.Generator) -> str:
    return f"{person(rng)} {pick(rng, VERBS)} the {_thing(rng)} in {town(rng)}."


def _dated(rng: np.random.Generator) -> str:
    told = _told(rng)
    return f"In {pick(rng, MONTHS)} {int(rng.integers(1950, 2031))}, {told[0].lower()}{told[1:]}"


def _counted(rng: np.random.Generator) -> str:
    money = pick(rng, MONEY[:3]).text(int(rng.integers(100, 900_000)))
    return f"We {pick(rng, VERBS)} {int(rng.integers(2, 1000))} {plural(pick(rng, NOUNS))} for {money}."


def _asked(rng: np.random.Generator) -> str:
    return f"Who {pick(rng, VERBS)} the {_thing(rng)} {pick(rng, PLACES)} {town(rng)}?"


def _compound(rng: np.random.Generator) -> str:
    first, second = _told(rng), _told(rng)
    return f"{first[:-1]}{pick(rng, (', but ', ', and ', '; ', ' while '))}{second[0].lower()}{second[1:]}"


def _thing(rng: np.random.Generator) -> str:
    return f"{pick(rng, ADJECTIVES)} {pick(rng, NOUNS)}" if rng.random() < 0.6 else pick(rng, NOUNS)


_SENTENCES: tuple[Callable[[np.random.Generator], str], ...] = (
    *(_told, _placed, _by_somebody, _dated, _counted, _asked, _compound),
)
_DATE_FORMS: tuple[Callable[[date], str], ...] = (
    lambda day: day.isoformat(),
    lambda day: f"{day.day:02d}/{day.month:02d}/{day.year}",
    lambda day: f"{day.day:02d}.{day.month:02d}.{day.year}",
    lambda day: f"{day.day} {MONTHS[day.month - 1]} {day.year}",
    lambda day: f"{MONTHS[day.month - 1][:3]} {day.day}, {day.year}",
    lambda day: f"{day.day:02d}-{MONTHS[day.month - 1][:3]}-{day.year}",
)
