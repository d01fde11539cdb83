"""draglab's nodes for ComfyUI. Put this folder, or a link to it, into ComfyUI's custom_nodes."""

from .drag import DraglabDrag
from .edit_file import DraglabEditFile
from .editor import DraglabEditor

NODE_CLASS_MAPPINGS = {
    "DraglabDrag": DraglabDrag,
    "DraglabEditFile": DraglabEditFile,
    "DraglabEditor": DraglabEditor,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "DraglabDrag": "Drag points (draglab)",
    "DraglabEditFile": "Edit file (draglab)",
    "DraglabEditor": "Open the editor (draglab)",
}

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
