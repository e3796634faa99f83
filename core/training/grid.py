"""Many small pictures as one, with captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

TILE_PX = 72
"""Side of a picture in the grid."""

CAPTION_PX = 14
GAP_PX = 4
BACKGROUND = (255, 255, 255)
INK = (32, 32, 32)


def image_grid(
    images: NDArray[np.floating], captions: Sequence[str] = (), columns: int = 8
) -> NDArray[np.uint8]:
    """Lay pictures out in rows.

    Args:
        images: (samples, 1 or 3, height, width) in 0…1; other values are clipped, NaN is black.
        captions: one below each picture; empty for none.
        columns: pictures in a row.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: no picture, or not of that shape.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
        raise ValueError(f"images must be (samples, 1 or 3, height, width), got {images.shape}")
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    row_px = TILE_PX + (CAPTION_PX if captions else 0) + GAP_PX
    size = (columns * (TILE_PX + GAP_PX) + GAP_PX, rows * row_px + GAP_PX)
    sheet = Image.new("RGB", size, BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=10)
    for index, pixels in enumerate(images):
        row, column = divmod(index, columns)
        corner = (GAP_PX + column * (TILE_PX + GAP_PX), GAP_PX + row * row_px)
        sheet.paste(_tile(pixels), corner)
        if index < len(captions):
            middle = (corner[0] + TILE_PX / 2, corner[1] + TILE_PX + CAPTION_PX / 2)
            draw.text(middle, captions[index], INK, font=font, anchor="mm")
    return np.asarray(sheet, dtype=np.uint8)


def _tile(pixels: NDArray[np.floating]) -> Image.Image:
    """(1 or 3, height, width) in 0…1 -> a TILE_PX square; small pictures keep their pixels."""
    levels = np.nan_to_num(np.clip(pixels, 0.0, 1.0), nan=0.0) * 255.0
    channels = np.repeat(levels, 3, axis=0) if len(levels) == 1 else levels
    image = Image.fromarray(np.ascontiguousarray(channels.transpose(1, 2, 0)).astype(np.uint8))
    small = max(image.size) < TILE_PX
    filter_ = Image.Resampling.NEAREST if small else Image.Resampling.BILINEAR
    return image.resize((TILE_PX, TILE_PX), filter_)
