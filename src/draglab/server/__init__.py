"""The editor's server: the page, a websocket for it, and an HTTP API for programs (docs/server.md).

One thread owns the generators and the sessions (worker.py); the event loop only passes messages on. Nothing here
imports torch before that thread does, so that the page is served while torch is still being imported.
"""
