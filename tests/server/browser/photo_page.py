"""What a person does with a photo in the page."""

import base64

from tests.server.browser.editor_page import EditorPage

DROP = """async ([name, data, how]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, {type: name.endsWith(".draglab") ? "" : "image/png"}));
    if (how === "paste") {
        const pasted = {clipboardData: files, bubbles: true, cancelable: true};
        document.body.dispatchEvent(new ClipboardEvent("paste", pasted));
        return;
    }
    for (const type of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(type, {dataTransfer: files, bubbles: true, cancelable: true}));
}"""
FRAME = """() => document.querySelector(".frame-box").getAttribute("aria-label").split(": ")[1]"""


def drop(editor: EditorPage, data: bytes, name: str = "holiday.png", how: str = "drop") -> None:
    """Drop a file on the page; how: or "paste" it."""
    editor.page.evaluate(DROP, [name, base64.b64encode(data).decode(), how])


def frame(editor: EditorPage) -> str:
    """The size and place of the frame, and how it is turned, in words."""
    return editor.page.evaluate(FRAME)


def until_framed(editor: EditorPage) -> None:
    """Wait until the frame is placed."""
    start = editor["#photo-dialog button >> text=Start"]
    editor.until(lambda: start.count() == 1 and start.is_enabled() and frame(editor), "no frame was found")


def begin(editor: EditorPage) -> None:
    """Let the photo be brought in."""
    editor["#photo-dialog button >> text=Start"].click()
    editor[".growing"].wait_for()


def until_photo_shown(editor: EditorPage, side: int = 64) -> None:
    """Wait until the photo's session is shown, in which the model's images have this side."""
    editor.until(lambda: not editor["#photo-dialog"].is_visible(), "the photo is not finished")
    editor.until(lambda: editor.size() == side, "its session is not shown")
    editor[".report:not([hidden])"].wait_for(state="attached")
