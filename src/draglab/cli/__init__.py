"""The command line: thin commands over draglab.editor. No other part of draglab prints."""
