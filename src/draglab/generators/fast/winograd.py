"""3x3 convolutions with fewer multiplications (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Nets").

F(m x m, 3 x 3) computes a tile of m x m outputs from (m + 2) squared products instead of (3 m) squared: 4 instead of 9
for each output with m = 2, 2.25 with m = 4. The products of all tiles are one batch of matrix multiplications. Input,
kernel and output are transformed by small matrices B, G and A that come from interpolating polynomials (Toom and Cook);
the kernel, which is frozen, only once. The backward pass runs the same steps transposed, with the same kernel.

The slow reference is `tests/reference/convolution.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators.fast.tiled_passes import row_ranges, scale_backward_

TAPS = 3
POINTS = {
    2: [Fraction(0), Fraction(1), Fraction(-1)],
    4: [Fraction(0), Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2), Fraction(-3, 2)],
}
"""Interpolation points of the polynomials, besides infinity, by m. Of the choices tried for m = 4, this one has the
smallest rounding error: 1.1 to 1.3 times that of PyTorch's own convolution with channels last. That of m = 2 is half of
it."""

CHUNK_BYTES = 12 << 20
"""Largest size of transformed inputs that are processed at once, so that they stay in the processor's cache."""


@lru_cache
def transforms(tile: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the transforms of F(tile, 3) on one axis, float64: B^T [n, n], G [n, 3] and A^T [tile, n], n = tile + 2.

    A^T ((G g) * (B^T d)) is the correlation of d with g.
    """
    size = tile + TAPS - 1
    points = POINTS[tile]
    scales = [math.prod((p - q for q in points if q != p), start=Fraction(1)) for p in points]
    infinity = [Fraction(0)] * (size - 1) + [Fraction(1)]
    b = [_polynomial([q for q in points if q != p], size) for p in points] + [_polynomial(points, size)]
    g = [[p**k / scale for k in range(TAPS)] for p, scale in zip(points, scales, strict=True)] + [infinity[-TAPS:]]
    a = [[p**k for p in points] + [Fraction(int(k == tile - 1))] for k in range(tile)]
    bt, gt, at = (torch.tensor([[float(x) for x in row] for row in rows], dtype=torch.float64) for rows in (b, g, a))
    return bt, gt, at


def _polynomial(roots: list[Fraction], length: int) -> list[Fraction]:
    """Return the coefficients of the product of (x - root), lowest first, padded with zeros to `length`."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *coefficients], [*(root * c for c in coefficients), Fraction(0)]
        coefficients = [up - down for up, down in zip(shifted, scaled, strict=True)]
    return coefficients + [Fraction(0)] * (length - len(coefficients))


@dataclass(frozen=True)
class WinogradKernel:
    """A 3x3 kernel transformed for tiles of one size.

    Attributes:
        tile: m, 2 or 4. products: [n * n, I, O], n = m + 2.
        input_transform: [n * n, n * n]. output_transform: [m * m, n * n].
    """

    tile: int
    products: Tensor
    input_transform: Tensor
    output_transform: Tensor

    @classmethod
    def of(cls, weight: Tensor, tile: int) -> WinogradKernel:
        """Build from a weight [O, I, 3, 3]."""
        b, g, a = (torch.kron(matrix, matrix) for matrix in transforms(tile))
        outputs, inputs = weight.shape[:2]
        flat = weight.detach().permute(2, 3, 1, 0).reshape(TAPS * TAPS, inputs * outputs)
        products = (g.to(flat) @ flat).view(-1, inputs, outputs)
        return cls(tile, products, b.to(flat), a.to(flat))


def convolve(x: Tensor, styles: Tensor, kernel: WinogradKernel, padding: int) -> Tensor:
    """Correlate x * styles with a frozen kernel.

    Args:
        x: [N, I, H, W]; channels_last is fast.
        styles: [N or 1, I].
        padding: zeros around x, 0 to 2.

    Returns:
        [N, O, H - 2 + 2 padding, W - 2 + 2 padding], channels_last; differentiable once, with respect to x and styles.
    """
    return _Convolution.apply(x, styles, kernel, padding)  # pyright: ignore[reportReturnType]


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, styles: Tensor, kernel: WinogradKernel, padding: int) -> Tensor:
        ctx.save_for_backward(x, styles)
        ctx.kernel, ctx.padding = kernel, padding
        return _forward(x.permute(0, 2, 3, 1), styles, kernel, padding)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, styles = ctx.saved_tensors
        height, width = x.shape[2:]
        grad = _backward(grads[0].permute(0, 2, 3, 1), ctx.kernel, height + 2 * ctx.padding, width + 2 * ctx.padding)
        grad = grad[:, ctx.padding : ctx.padding + height, ctx.padding : ctx.padding + width]
        grad_x, grad_styles = scale_backward_(grad, x.permute(0, 2, 3, 1), styles, ctx.needs_input_grad[0])
        return None if grad_x is None else grad_x.permute(0, 3, 1, 2), grad_styles, None, None


def _chunks(kernel: WinogradKernel, rows: int, row_tiles: int) -> list[tuple[int, int]]:
    """Divide rows of `row_tiles` tiles each into ranges."""
    products = kernel.products
    row_bytes = row_tiles * len(products) * max(products.shape[1:]) * products.element_size()
    return row_ranges(rows, row_bytes, CHUNK_BYTES)


def _forward(x: Tensor, styles: Tensor, kernel: WinogradKernel, padding: int) -> Tensor:
    """Convolve x [N, H, W, I] to [N, O, H', W'], channels_last."""
    count, height, width, inputs = x.shape
    m, n, outputs = kernel.tile, kernel.tile + TAPS - 1, kernel.products.shape[2]
    out_height, out_width = height + 2 * padding - TAPS + 1, width + 2 * padding - TAPS + 1
    rows, columns = -(-out_height // m), -(-out_width // m)
    right = columns * m + TAPS - 1 - width - padding
    scales = styles.unsqueeze(1)
    # Not a view, so that later operations may write into it.
    shape = (count, outputs, out_height, out_width)
    result = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    pixels = result.permute(0, 2, 3, 1)
    for first, end in _chunks(kernel, rows, count * columns):
        # Rows of x that these tiles read; rows outside x are zero.
        top, bottom = first * m - padding, end * m + TAPS - 1 - padding
        outside = (0, 0, padding, right, max(-top, 0), max(bottom - height, 0))
        part = F.pad(x[:, max(top, 0) : min(bottom, height)], outside).contiguous()
        per_image, per_row, per_pixel, _ = part.stride()
        tiles = part.as_strided(
            (n, n, count, end - first, columns, inputs),
            (per_row, per_pixel, per_image, m * per_row, m * per_pixel, 1),
        )
        transformed = kernel.input_transform @ tiles.reshape(n * n, -1)
        transformed.view(n * n, count, -1, inputs).mul_(scales)
        products = torch.bmm(transformed.view(n * n, -1, inputs), kernel.products)
        values = kernel.output_transform @ products.view(n * n, -1)
        values = values.view(m, m, count, end - first, columns, outputs).permute(2, 3, 0, 4, 1, 5)
        values = values.reshape(count, (end - first) * m, columns * m, outputs)
        place = pixels[:, first * m : end * m]
        place.copy_(values[:, : place.shape[1], :out_width])
    return result


def _backward(grad: Tensor, kernel: WinogradKernel, height: int, width: int) -> Tensor:
    """Return the gradient of the padded and scaled input: [N, H', W', O] -> [N, height, width, I]."""
    count, out_height, out_width, outputs = grad.shape
    m, n, inputs = kernel.tile, kernel.tile + TAPS - 1, kernel.products.shape[1]
    rows, columns = -(-out_height // m), -(-out_width // m)
    result = grad.new_zeros(count, rows + 1, m, columns + 1, m, inputs)
    # Number of pixels by which a tile of inputs extends into the next row and column of tiles.
    over = TAPS - 1
    for first, end in _chunks(kernel, rows, count * columns):
        part = grad[:, first * m : end * m]
        part = F.pad(part, (0, 0, 0, columns * m - out_width, 0, (end - first) * m - part.shape[1]))
        tiles = part.reshape(count, end - first, m, columns, m, outputs).permute(2, 4, 0, 1, 3, 5)
        values = kernel.output_transform.t() @ tiles.reshape(m * m, -1)
        products = torch.bmm(values.view(n * n, -1, outputs), kernel.products.transpose(1, 2))
        spread = kernel.input_transform.t() @ products.view(n * n, -1)
        spread = spread.view(n, n, count, end - first, columns, inputs).permute(2, 3, 0, 4, 1, 5)
        result[:, first:end, :, :-1] += spread[:, :, :m, :, :m]
        result[:, first + 1 : end + 1, :over, :-1] += spread[:, :, m:, :, :m]
        result[:, first:end, :, 1:, :over] += spread[:, :, :m, :, m:]
        result[:, first + 1 : end + 1, :over, 1:, :over] += spread[:, :, m:, :, m:]
    return result.view(count, (rows + 1) * m, (columns + 1) * m, inputs)[:, :height, :width]
