"""Settings of every test, and of the processes that tests start."""

import atexit
import os
import shutil
import tempfile

# The networks in tests are tiny: a second thread gains nothing, and waiting for it beside another busy process costs
# fifty times the step.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Statistics that tests measure do not go into the user's cache.
os.environ["DRAGLAB_STATISTICS"] = tempfile.mkdtemp(prefix="draglab-tests-")
atexit.register(shutil.rmtree, os.environ["DRAGLAB_STATISTICS"], ignore_errors=True)
