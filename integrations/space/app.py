"""Drag a head: click what to move, click where it should go, press Drag. A demo for a Hugging Face Space, on a CPU."""

from collections.abc import Iterator
from typing import Any

import gradio as gr  # pyright: ignore[reportMissingImports]
import numpy as np

import draglab
from draglab.media.overlay import draw_edit

GENERATOR = draglab.load_generator("heads", device="cpu")
SETTINGS = draglab.DragSettings.for_model(GENERATOR, max_steps=60)
SIDE = 512
MOST = 16
HOW = "Click a point of the picture, then where it should go: as often as you like. Then press **Drag**."


def start(seed: float) -> tuple[dict[str, Any], np.ndarray, str]:
    """The picture of a seed. A state has the latents, the newest last, and the clicks: handle, target, handle, ..."""
    state = {"latents": [GENERATOR.w_plus_from_seed(int(seed) % 2**32, truncation_psi=0.7)], "clicks": []}
    return state, picture(state), HOW


def picture(state: dict[str, Any]) -> np.ndarray:
    """The picture with its handles and targets."""
    image = draglab.to_uint8(GENERATOR.image(state["latents"][-1]).detach())[0]
    handles, targets = state["clicks"][::2], state["clicks"][1::2]
    return draw_edit(image, handles, targets + handles[len(targets) :], at_least=SIDE)


def click(state: dict[str, Any], event: gr.SelectData) -> tuple[dict[str, Any], np.ndarray, str]:
    """Add a handle, or the target of the last one."""
    factor = SIDE / GENERATOR.img_shape[0]
    place = tuple((float(value) + 0.5) / factor - 0.5 for value in event.index)
    clicks = [*state["clicks"], place][: 2 * MOST]
    state = {**state, "clicks": clicks}
    return state, picture(state), "Now click where it should go." if len(clicks) % 2 else "Another point, or **Drag**."


def drag(state: dict[str, Any]) -> Iterator[tuple[dict[str, Any], np.ndarray, str]]:
    """Drag, and show every step."""
    count = len(state["clicks"]) // 2
    handles, targets = state["clicks"][: 2 * count : 2], state["clicks"][1 : 2 * count : 2]
    try:
        steps = draglab.drag_steps(GENERATOR, state["latents"][-1], draglab.DragEdit(handles, targets), SETTINGS)
        w_plus = state["latents"][-1]
        for step in steps:
            w_plus, shown = step.w_plus, draw_edit(step.image(), step.handles, targets, at_least=SIDE)
            yield state, shown, f"Step {step.index}: {step.left:.1f} px"
    except draglab.DraglabError as error:
        raise gr.Error(f"{error}. {HOW}") from None
    done = {"latents": [*state["latents"][-20:], w_plus], "clicks": []}
    yield done, picture(done), "Done. Drag on, or go back with **Undo**."


def undo(state: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray, str]:
    """Take the points away, or, where there are none, the last drag."""
    latents = state["latents"] if state["clicks"] else state["latents"][:-1] or state["latents"]
    state = {"latents": latents, "clicks": []}
    return state, picture(state), HOW


with gr.Blocks(title="draglab") as demo:
    gr.Markdown("# draglab\nTake hold of points in a picture and drag them where they should be.")
    state = gr.State()
    with gr.Row():
        view = gr.Image(label="Picture", interactive=False, height=SIDE)
        with gr.Column():
            said = gr.Markdown(HOW)
            seed = gr.Number(64, label="Seed", precision=0, minimum=0)
            go = gr.Button("Drag", variant="primary")
            back = gr.Button("Undo")
    outputs = [state, view, said]
    gr.on([demo.load, seed.change], start, seed, outputs)
    view.select(click, state, outputs)
    go.click(drag, state, outputs, concurrency_limit=2)
    back.click(undo, state, outputs)

if __name__ == "__main__":
    demo.queue(max_size=20).launch()
