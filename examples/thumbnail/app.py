"""Make a thumbnail of a photograph.

The event may carry a picture and a size:

    {"image": "<base64>", "width": 240}

Without a picture, the photograph in the package is used. The answer holds the thumbnail as JPEG in
base64, with its size.
"""

import base64
import io
import os

from PIL import Image

PHOTO = os.path.join(os.path.dirname(__file__), "photo.png")
WIDTH = 240


def handler(event, context):
    """Called by Lambda."""
    source = io.BytesIO(base64.b64decode(event["image"])) if event.get("image") else PHOTO
    width = int(event.get("width", WIDTH))
    with Image.open(source) as image:
        original = image.size
        image = image.convert("RGB")
        image.thumbnail((width, image.height))
    print(f"{original[0]}x{original[1]} -> {image.width}x{image.height}")
    return {
        "original": {"width": original[0], "height": original[1]},
        "width": image.width,
        "height": image.height,
        "thumbnail": base64.b64encode(as_jpeg(image)).decode(),
    }


def as_jpeg(image):
    """The picture's bytes as JPEG."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    return content.getvalue()
