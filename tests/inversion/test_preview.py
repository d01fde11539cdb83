"""The image of the newest step, for those who look on."""

import numpy as np
import torch

from draglab.generators import to_uint8
from draglab.inversion import Frame, Inversion
from tests.inversion.pictures import QUICK, smooth_picture
from tests.tiny import tiny_generator


def test_the_preview_is_the_image_of_the_last_step() -> None:
    generator = tiny_generator()
    inversion = Inversion(generator, smooth_picture(60, 80), Frame(40, 30, 48), QUICK)
    assert inversion.preview() is None
    mean = to_uint8(generator.image(generator.w_avg[None, None].repeat(1, generator.num_ws, 1)))[0]
    shown = []
    for step in inversion:
        preview = inversion.preview()
        assert preview is not None and preview.shape == (32, 32, 3), step
        shown.append(preview)
    np.testing.assert_array_equal(shown[0], mean)  # the projection begins there
    assert inversion.tuning is not None
    with torch.no_grad():
        pivot = to_uint8(generator.image(inversion.tuning.pivot))[0]
    np.testing.assert_array_equal(shown[4], pivot)  # the tuning begins with the model's own weights
    assert (shown[-1] != pivot).any()
