"""The order in which draglab.server.turns takes waiting names, by taking them."""

from collections import OrderedDict


def taken_one_by_one(queues: dict[str, list[str]], last: OrderedDict[str, None]) -> list[str]:
    """Take all names, one after the other.

    Args:
        queues: waiting names of each person, in the order in which the persons came. last: persons who had a turn, the
            latest last.
    """
    left = {owner: list(queue) for owner, queue in queues.items()}
    turns = list(last)
    order = []
    while any(left.values()):
        waiting = [owner for owner, queue in left.items() if queue]
        owner = next((each for each in waiting if each not in turns), None) or min(waiting, key=turns.index)
        order.append(left[owner].pop(0))
        if owner in turns:
            turns.remove(owner)
        turns.append(owner)
    return order
