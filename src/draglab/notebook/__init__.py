"""The editor's stage as a widget in notebooks: Jupyter, JupyterLab, VS Code, Colab, marimo.

`opening.py` has :func:`draglab.widget`; `drag_widget.py` the widget for Python, which needs anywidget; `views.py` its
connection with the pages that show it; `page.py` assembles the browser's part from the modules of the editor's page,
and `js/` has the modules that are the widget's own.
"""
