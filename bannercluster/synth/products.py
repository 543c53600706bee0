"""The product family: names, what stands on a floor, and one call that draws any of them."""

from collections.abc import Callable

from PIL import Image

from bannercluster.synth import goods_food as food
from bannercluster.synth import goods_home as home
from bannercluster.synth import goods_tech as tech
from bannercluster.synth import goods_wear as wear
from bannercluster.synth.marks import Skin
from bannercluster.synth.shapes import Board

Draw = Callable[[Board, Skin], None]

PRODUCTS: dict[str, Draw] = {
    "sneaker": wear.sneaker,
    "handbag": wear.handbag,
    "watch": wear.watch,
    "shirt": wear.shirt,
    "sunglasses": wear.sunglasses,
    "pump_bottle": wear.pump_bottle,
    "perfume": wear.perfume,
    "cream_jar": wear.cream_jar,
    "car": tech.car,
    "suv": tech.suv,
    "plane": tech.plane,
    "phone": tech.phone,
    "laptop": tech.laptop,
    "headphones": tech.headphones,
    "television": tech.television,
    "gamepad": tech.gamepad,
    "router": tech.router,
    "burger": food.burger,
    "pizza": food.pizza,
    "bowl": food.bowl,
    "cup": food.cup,
    "can": food.can,
    "sofa": home.sofa,
    "lamp": home.lamp,
    "house": home.house,
    "suitcase": home.suitcase,
    "card": home.card,
    "coins": home.coins,
    "gem": home.gem,
    "gift": home.gift,
}
# Products that may be tilted: nothing that stands on wheels, legs or a bottom.
FREE = frozenset({"phone", "watch", "card", "headphones", "sunglasses", "can", "shirt", "gamepad"})
# Products that may look to the other side: no clock faces, no arrows that would fall.
TURNING = frozenset(
    {
        "sneaker",
        "car",
        "suv",
        "plane",
        "sofa",
        "lamp",
        "cream_jar",
        "sunglasses",
        "gift",
        "suitcase",
    }
)


def draw_product(name: str, skin: Skin, tilt: float = 0.0, flip: bool = False) -> Image.Image:
    """Picture of a product, RGBA, cut to its outline, about 600 pixels on its longer side."""
    board = Board()
    PRODUCTS[name](board, skin)
    picture = board.trimmed()
    if flip and name in TURNING:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if tilt and name in FREE:
        picture = picture.rotate(tilt, Image.Resampling.NEAREST, expand=True)
        bounds = picture.getbbox()
        picture = picture.crop(bounds) if bounds else picture
    return picture
