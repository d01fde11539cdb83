"""What training steps do with a generator, against the generator itself."""

from __future__ import annotations

import torch

from recipes.generators import mixed_latents, render_at, render_latents
from tests.tiny import tiny_generator


def test_pictures_in_training_are_the_generators() -> None:
    generator = tiny_generator()
    z = torch.randn(3, generator.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = generator(z)
        torch.testing.assert_close(render_at(generator, z, 32), expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(render_latents(generator, generator.mapping(z), 32), expected, rtol=1e-4, atol=1e-4)
        assert render_at(generator, z, 8).shape == (3, 3, 8, 8)


def test_styles_are_mixed_from_some_layer_on() -> None:
    torch.manual_seed(0)
    mixed = mixed_latents(torch.zeros(400, 6, 2), torch.ones(400, 6, 2))
    counts = mixed[:, :, 0].sum(1)
    assert torch.equal(mixed[:, :, 0], (torch.arange(6) >= 6 - counts[:, None]).float())
    assert torch.equal(mixed[:, :, 0], mixed[:, :, 1])
    # Both have a part in every picture, and every layer is a beginning.
    assert sorted(set(counts.tolist())) == [1, 2, 3, 4, 5]
    assert mixed_latents(torch.zeros(0, 6, 2), torch.ones(0, 6, 2)).shape == (0, 6, 2)
