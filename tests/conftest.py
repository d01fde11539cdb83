"""Settings of every test, and of the processes that tests start."""

import os

# The networks in tests are tiny: a second thread gains nothing, and waiting for it beside another busy process costs
# fifty times the step.
os.environ.setdefault("OMP_NUM_THREADS", "1")
