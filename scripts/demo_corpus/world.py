"""The invented world: its people, things and towns. Nothing in it is true of the real one."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import NamedTuple


def _words(text: str, separator: str = " ") -> tuple[str, ...]:
    return tuple(text.split(separator))


PEOPLE = _words(
    "Mira Tomas Ilse Bram Nora Kofi Lena Arun Sofia Emil Tara Jonas Yuki Pavel Rosa Idris Hanna Oskar "
    "Leila Marek Anya Felix Ines Samir Greta Diego Wanda Kenji Olga Ravi Clara Anton Zoe Hugo Maya Viktor"
)
THINGS = (
    ("apple", "apples"),
    ("book", "books"),
    ("candle", "candles"),
    ("ticket", "tickets"),
    ("lamp", "lamps"),
    ("pencil", "pencils"),
    ("basket", "baskets"),
    ("stone", "stones"),
    ("cup", "cups"),
    ("chair", "chairs"),
    ("rope", "ropes"),
    ("bottle", "bottles"),
    ("map", "maps"),
    ("blanket", "blankets"),
    ("pear", "pears"),
    ("button", "buttons"),
    ("kite", "kites"),
    ("melon", "melons"),
    ("shell", "shells"),
    ("drum", "drums"),
)
WORDS = _words(
    "river garden window silver market orange bridge winter pepper lantern copper meadow harbour ginger castle "
    "feather thunder pocket velvet island barley marble cotton falcon ribbon saddle timber walnut anchor branch "
    "candle desert engine forest guitar hammer jacket kettle ladder magnet needle pillow rocket shadow tunnel"
)
COLOURS = ("red", "blue", "green", "white", "black", "yellow", "brown", "grey")

_TOWNS = _words(
    "Aldermere Brockholt Calverna Dunmarrow Eskelby Farrowick Gellansea Harnwold Istrelle Jorvale Kelmouth Larkhope "
    "Marrowden Nethersby Oldcairn Pellworth Quillon Ravensmoor Selwick Tarnbeck Umberley Velhaven Wexcombe Yarrowgate "
    "Zennick Ashlorne Birchover Coldwater Dravenport Elmstead"
)
_RIVERS = ("Tamsel", "Orrin", "Leth", "Varga", "Silde", "Moravel", "Brune", "Ithel")
_REGIONS = ("Northmark", "Lowvale", "Castria", "Ostland", "the Salt Coast", "Highfell")
_CRAFTS = _words(
    "glass lamps,woven rugs,copper bells,black tea,sea salt,oak boats,blue pottery,honey cakes,silk paper,iron clocks,"
    "goat cheese,wool coats",
    ",",
)
_FESTIVALS = ("Lantern Night", "the Salt Fair", "the Kite Race", "Harvest Song", "the Boat Blessing", "First Snow")
_FOUNDERS = _words(
    "Orla Venn,Caspar Dole,Ebba Thorne,Jasper Quill,Marta Solberg,Ruben Achterberg,Sela Morrow,Tobias Fenn,Ilka Brandt,"
    "Nils Harrow,Petra Lund,Arvid Kestrel",
    ",",
)


class Town(NamedTuple):
    """One town of the knowledge base."""

    name: str
    region: str
    river: str
    craft: str
    festival: str
    founder: str
    founded: int
    bridges: int


@cache
def towns() -> tuple[Town, ...]:
    """The knowledge base, the same at every call and on every machine."""
    rng = Random(1867)
    return tuple(
        Town(
            name,
            rng.choice(_REGIONS),
            rng.choice(_RIVERS),
            rng.choice(_CRAFTS),
            rng.choice(_FESTIVALS),
            rng.choice(_FOUNDERS),
            rng.randrange(1100, 1900, 10),
            rng.randint(2, 9),
        )
        for name in _TOWNS
    )
