"""Many edits: a list in, a folder of results out, by processes of this machine or the actors of a Ray cluster.

from draglab.batch import BatchOptions, open_batch

with open_batch("edits.jsonl", "run", BatchOptions(jobs=2)) as batch:
    for now in batch:
        print(now.done, now.total)
"""

from draglab.batch.run import Batch, BatchOptions, BatchProgress, open_batch
from draglab.batch.transfer import count_skipped, open_transfer

__all__ = ["Batch", "BatchOptions", "BatchProgress", "count_skipped", "open_batch", "open_transfer"]
