"""What happens to a page between the printer and the picture: it lies askew, in bad light, unsharp, noisy, as JPEG.

Knows pictures and where their points go. Does not know what stands on a page, but for how small it is: wear stops where
the smallest text would be lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from training.pages import MAX_SIDE, Page, Quad, corners, moved, quad_of
from training.typesetting import Rgb

Move = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From points (n, 2) to where they go."""

MAX_TURN_DEGREES = 3.0
MAX_PERSPECTIVE = 0.03
"""How far a corner may go off, as a share of the shorter side."""
MAX_BLUR = 0.055
"""Of the height of the smallest line."""
DESKS: tuple[Rgb, ...] = ((60, 45, 35), (120, 110, 100), (35, 38, 42), (180, 175, 165), (90, 60, 40))


@dataclass(frozen=True, slots=True)
class Wear:
    """`placed` are the corners of the page in the new picture of `size_wh` pixels, None where it stays as it is.

    `light` is how bright each corner of the picture is, up to 1, `fade` how much of the contrast is lost, `blur_px` and
    `noise` are standard deviations in pixels and grey levels, `jpeg_quality` is None where there is no JPEG.
    """

    size_wh: tuple[int, int]
    placed: Quad | None = None
    beyond: Rgb = (255, 255, 255)
    light: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    fade: float = 0.0
    blur_px: float = 0.0
    noise: float = 0.0
    jpeg_quality: int | None = None
    seed: int = 0


def random_wear(rng: np.random.Generator, page: Page) -> Wear:
    """Some of all that can happen to a page."""
    size_wh, placed = page.size_wh, None
    if rng.random() < 0.5:
        placed, size_wh = _askew(rng, page.size_wh)
    smallest_px = min(line.xyxy[3] - line.xyxy[1] for line in page.lines)
    red, green, blue = (int(channel) for channel in page.image[0, 0])
    beyond = DESKS[int(rng.integers(len(DESKS)))] if rng.random() < 0.4 else (red, green, blue)
    light = rng.uniform(0.7, 1.0, size=4).tolist() if rng.random() < 0.5 else [1.0] * 4
    return Wear(
        size_wh,
        placed,
        beyond,
        (light[0], light[1], light[2], light[3]),
        fade=float(rng.uniform(0.05, 0.4)) if rng.random() < 0.4 else 0.0,
        blur_px=float(rng.uniform(0.25, 1.0)) * MAX_BLUR * smallest_px if rng.random() < 0.5 else 0.0,
        noise=float(rng.uniform(2, 16)) if rng.random() < 0.5 else 0.0,
        jpeg_quality=int(rng.integers(40, 96)) if rng.random() < 0.6 else None,
        seed=int(rng.integers(2**31)),
    )


def worn(page: Page, wear: Wear) -> Page:
    """The page after that, with its lines and blocks where they have come to be."""
    if wear.placed is None:
        return replace(page, image=_aged(page.image, wear))
    image, move = _placed(page.image, wear.placed, wear)
    return moved(page, _aged(image, wear), move)


def _askew(rng: np.random.Generator, size_wh: tuple[int, int]) -> tuple[Quad, tuple[int, int]]:
    """Where the corners of a page go that is turned and seen from the side, and the size of the picture around it."""
    width, height = size_wh
    angle = math.radians(rng.uniform(-MAX_TURN_DEGREES, MAX_TURN_DEGREES))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    off = rng.uniform(-1, 1, size=(4, 2)) * MAX_PERSPECTIVE * min(size_wh)
    points = (np.array(corners((0, 0, width, height))) + off) @ turn
    points -= points.min(axis=0)
    points *= min(1.0, MAX_SIDE / points.max())
    right, bottom = (int(side) for side in np.ceil(points.max(axis=0)))
    return quad_of(points), (right, bottom)


def _placed(image: NDArray[np.uint8], placed: Quad, wear: Wear) -> tuple[NDArray[np.uint8], Move]:
    """The picture with its corners elsewhere, and where its points go."""
    page = np.array(corners((0, 0, image.shape[1], image.shape[0])), np.float32)
    matrix = cv2.getPerspectiveTransform(page, np.array(placed, np.float32))
    # OpenCV counts from the centre of the first pixel, boxes count from its corner.
    centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    pixels = np.linalg.inv(centre) @ matrix @ centre
    picture = cv2.warpPerspective(image, pixels, wear.size_wh, flags=cv2.INTER_LINEAR, borderValue=wear.beyond)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.perspectiveTransform(points[None], matrix)[0])

    return np.asarray(picture, dtype=np.uint8), move


def _aged(image: NDArray[np.uint8], wear: Wear) -> NDArray[np.uint8]:
    """Light, contrast, sharpness, noise and compression, in the order in which they come."""
    if wear.fade:
        paper = np.asarray(image[0, 0], dtype=np.float32)
        levels = np.arange(256, dtype=np.float32)[:, None]
        table = levels + (paper - levels) * wear.fade
        image = np.asarray(cv2.LUT(image, np.round(table).astype(np.uint8)[None]), dtype=np.uint8)
    if min(wear.light) < 1:
        shade = _shade(wear.light, wear.size_wh)
        image = np.asarray(cv2.multiply(image, cv2.merge([shade] * 3), scale=1 / 255), dtype=np.uint8)
    if wear.blur_px:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), wear.blur_px), dtype=np.uint8)
    if wear.noise:
        image = _noisy(image, wear)
    if wear.jpeg_quality is not None:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, wear.jpeg_quality])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return image


def _shade(light: tuple[float, float, float, float], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Grey levels (height, width) that run evenly from corner to corner."""
    across, down = (np.linspace(0, 1, side, dtype=np.float32) for side in size_wh)
    corner_light = np.array(light, np.float32).reshape(2, 2)
    return np.asarray(
        255 * np.stack([1 - down, down], axis=1) @ corner_light @ np.stack([1 - across, across]), dtype=np.uint8
    )


def _noisy(image: NDArray[np.uint8], wear: Wear) -> NDArray[np.uint8]:
    grain = np.empty(image.shape, dtype=np.int16)
    cv2.setRNGSeed(wear.seed)
    cv2.randn(grain, np.zeros(3), np.full(3, wear.noise))
    return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U), dtype=np.uint8)
