"""What both training stages take on the command line."""

from __future__ import annotations

import argparse

import torch


def add_shared_options(parser: argparse.ArgumentParser, phases: str, batch: int, average: float, save: float) -> None:
    """Inputs, schedule and ways of computing; the defaults that differ between the stages are given."""
    parser.add_argument("--data", required=True, help="folder of rendered shards")
    parser.add_argument("--held-out", required=True, help="folder of rendered shards that are only looked at")
    parser.add_argument("--assets", required=True, help="folder with metrics/squeezenet_v1.0_dc.npz")
    parser.add_argument("--out", required=True, help="run folder: checkpoint, log, sheets")
    parser.add_argument("--phases", default=phases, help="resolution:images, ...")
    parser.add_argument("--batch", type=int, default=batch, help="renders a step")
    parser.add_argument("--average", type=float, default=average, help="running average of weights, per step")
    parser.add_argument("--perceptual", type=float, default=0.1, help="weight of SqueezeNet's distance, from 64 px on")
    parser.add_argument("--limit", type=int, help="use only the first so many renders")
    parser.add_argument("--save-minutes", type=float, default=save)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bfloat16", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
