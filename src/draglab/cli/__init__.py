"""The command line: thin commands over draglab.editor. Only this room prints."""
