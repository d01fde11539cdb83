"""Download of public models, and the check of downloaded ones."""

from draglab.downloads.checking import verify
from draglab.downloads.pulling import pull
from draglab.downloads.transfer import Stopped

__all__ = ["Stopped", "pull", "verify"]
