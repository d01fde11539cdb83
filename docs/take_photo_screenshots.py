"""Takes the pictures of docs/gallery that show a photo in the editor; the "photo" is a generated face.

    python -m docs.take_photo_screenshots [FOLDER]

Needs what the browser tests need, the model ffhq-1024-mobile, and dlib. It takes a few minutes.
"""

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

import draglab
from docs.take_screenshots import GALLERY, save
from draglab.public_models import ModelFolder
from tests.server.browser.chromium import launched, reason_to_skip
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.launch import Launched
from tests.server.browser.photo_page import drop, until_framed

MODEL = "ffhq-1024-mobile"
WIDTHS = ((1440, 900, "light", False), (1024, 768, "dark", False), (390, 844, "light", True))
STEP = 12
"""Step of the projection at which the growing reconstruction is shown."""


def make_portrait(seed: int = 9) -> bytes:
    """Return a JPEG of 980x660 pixels: a generated face of 460 pixels, reflected and blurred around it."""
    generator = draglab.load_generator(MODEL)
    pixels = draglab.to_uint8(generator.image(generator.w_plus_from_seed(seed, 0.7)))[0]
    face = Image.fromarray(pixels).resize((460, 460), Image.Resampling.LANCZOS)
    around = Image.fromarray(np.pad(np.asarray(face), ((70, 130), (230, 290), (0, 0)), mode="reflect"))
    mask = Image.new("L", around.size, 0)
    mask.paste(255, (236, 76, 684, 524))
    blurred = around.filter(ImageFilter.GaussianBlur(45))
    buffer = io.BytesIO()
    Image.composite(around, blurred, mask.filter(ImageFilter.GaussianBlur(9))).save(buffer, format="JPEG", quality=93)
    return buffer.getvalue()


def main(folder: Path = GALLERY) -> None:
    """Take all pictures.

    Raises:
        SystemExit: there is no browser.
    """
    if reason := reason_to_skip():
        raise SystemExit(reason)
    portrait = make_portrait()
    with launched() as browser, tempfile.TemporaryDirectory() as data:
        server = Launched(Path(data), ModelFolder(None).path)
        server.start()
        try:
            for width, height, scheme, phone in WIDTHS:
                finger = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2} if phone else {}
                window: dict[str, Any] = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
                person = browser.new_context(**window, **finger)
                editor = EditorPage(person.new_page(), server.url).open()
                editor.page.wait_for_timeout(1500)
                drop(editor, portrait, "portrait.jpg")
                until_framed(editor)
                editor.page.wait_for_timeout(500)
                save(editor.page.screenshot(), folder / f"photo-frame-{width}-{scheme}.webp")
                editor["#photo-dialog button >> text=Start"].click()
                text = editor[".growing-text"]
                editor.until(lambda text=text: f"Step {STEP}" in (text.text_content() or ""), "no step was made")
                save(editor.page.screenshot(), folder / f"photo-grows-{width}-{scheme}.webp")
                editor["#photo-dialog button >> text=Cancel"].click()
                person.close()
        finally:
            server.end()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
