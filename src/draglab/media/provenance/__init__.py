"""What exported files say of how they were made: XMP, Content Credentials, a visible mark; and the reading of these.

Every picture and video that leaves draglab is written by `media/images.py` or `media/video.py`, which take an `Origin`.
"""
