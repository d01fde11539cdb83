"""Download of public models, and the check of downloaded ones."""

from draglab.downloads.checking import verify
from draglab.downloads.pulling import Stopped, pull

__all__ = ["Stopped", "pull", "verify"]
