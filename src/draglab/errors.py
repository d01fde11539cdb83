"""Errors that a user of draglab can cause."""


class DraglabError(Exception):
    """Something the user gave or asked for cannot work.

    The message is one line: what was wrong and what to do about it. The command line prints it and exits with
    code 2; no traceback reaches a user.
    """
