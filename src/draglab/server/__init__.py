"""The editor's server: pages, a websocket for the editor, HTTP for programs (docs/server.md).

One thread owns the generators and the sessions (worker.py); the event loop only moves messages. Nothing here imports
torch before that thread does, so that the page is served while torch is still being imported.
"""
