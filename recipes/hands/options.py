"""What both training stages take on the command line."""

from __future__ import annotations

import argparse


def add_shared_options(parser: argparse.ArgumentParser, phases: str, batch: int, average: float, save: float) -> None:
    """Inputs, schedule and ways of computing; the defaults that differ between the stages are given."""
    parser.add_argument("--photos", required=True, help="folder of 0/ to 9/ with *.JPG")
    parser.add_argument("--squeezenet", required=True, help="squeezenet_v1.0_dc.npz")
    parser.add_argument("--out", required=True, help="run folder: checkpoint, log, sheets")
    parser.add_argument("--phases", default=phases, help="resolution:images, ...")
    parser.add_argument("--batch", type=int, default=batch, help="photos a step")
    parser.add_argument("--z-dim", type=int, default=64)
    parser.add_argument("--divergence", type=float, default=1e-3, help="weight of the divergence from N(0, I), per nat")
    parser.add_argument("--perceptual", type=float, default=0.1, help="weight of SqueezeNet's distance, from 64 px on")
    parser.add_argument("--jitter", type=float, default=1.0, help="strength of turning, scaling and moving photos")
    parser.add_argument("--average", type=float, default=average, help="running average of weights, per step")
    parser.add_argument("--limit", type=int, help="use only the first so many photos")
    parser.add_argument("--save-minutes", type=float, default=save)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bfloat16", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
