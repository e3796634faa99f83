"""Whether a picture out of a log file may be shown: looked at, never decoded here.

A few bytes can claim a picture of any size, and decoding it would fill the memory of the server
or the browser; so the size is read from the picture's own header first.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 50_000_000


def objection(content: bytes) -> str:
    """Why a picture cannot be shown.

    Args:
        content: an encoded picture (PNG, GIF, JPEG, …).

    Returns:
        "" where nothing is wrong, ``large`` above 20 MiB or 50 megapixels, ``broken`` where it
        is no picture, or a damaged one.
    """
    if len(content) > MAX_BYTES:
        return "large"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    return "large"
                picture.verify()
    except Image.DecompressionBombError:
        return "large"
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError):
        return "broken"
    return ""
