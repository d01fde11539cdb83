"""Download of public models, and the check of downloaded ones."""

from draglab.downloads.checking import verify
from draglab.downloads.pulling import pull

__all__ = ["pull", "verify"]
