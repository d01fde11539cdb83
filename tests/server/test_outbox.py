import time

import numpy as np

from draglab.server.limits import Limits
from draglab.server.outbox import Outbox, Picture

PIXELS = np.zeros((4, 4, 3), np.uint8)


def everything(box: Outbox) -> list:
    items = []
    while (item := box.take()) is not None:
        items.append(item if isinstance(item, str) else (item.kind, item.stamp))
    return items


def test_messages_keep_their_order_and_slots_their_place():
    box = Outbox(Limits())
    box.put("state 1", "state")
    box.put("a")
    box.put("state 2", "state")
    box.put("b")
    assert everything(box) == ["state 2", "a", "b"]


def test_the_newest_picture_of_a_kind_wins():
    box = Outbox(Limits(live_pictures=10))
    for stamp in (1, 2, 3):
        box.put_picture(Picture("live", PIXELS, stamp=stamp))
    box.put_picture(Picture("current", PIXELS))
    for seed in (5, 6, 5):
        box.put_picture(Picture("seed", PIXELS, seed=seed))
    assert [kind for kind, _ in everything(box)] == ["live", "current", "seed", "seed"]


def test_two_live_pictures_are_under_way_at_most():
    box = Outbox(Limits(frame_rate=1e6))
    for stamp in (1, 2):
        assert box.wants_live()
        box.put_picture(Picture("live", PIXELS, stamp=stamp))
        assert everything(box) == [("live", stamp)]
        time.sleep(1e-5)
    assert not box.wants_live()
    box.seen(1)
    assert box.wants_live()


def test_the_rate_is_that_of_beginnings():
    box = Outbox(Limits(frame_rate=20, live_pictures=10))
    assert box.begin_live() and not box.begin_live()
    time.sleep(0.06)
    box.put_picture(Picture("live", PIXELS, stamp=1))
    assert box.wants_live() and box.begin_live() and not box.wants_live()


def test_a_replaced_live_picture_is_not_under_way():
    box = Outbox(Limits(frame_rate=1e6))
    for stamp in (1, 2, 3):
        box.put_picture(Picture("live", PIXELS, stamp=stamp))
    time.sleep(1e-5)
    assert box.wants_live()
    assert everything(box) == [("live", 3)]


def test_discarded_pictures_are_not_sent_nor_under_way():
    box = Outbox(Limits(frame_rate=1e6, live_pictures=1))
    box.put("text")
    box.put_picture(Picture("live", PIXELS, stamp=1))
    box.put_picture(Picture("seed", PIXELS, seed=1))
    box.discard_pictures({"seed"})
    assert not box.wants_live()
    box.discard_pictures()
    time.sleep(1e-5)
    assert box.wants_live()
    assert everything(box) == ["text"]


def test_a_closed_box_takes_nothing():
    woken = []
    box = Outbox(Limits(), lambda: woken.append(1))
    box.put("a")
    box.close()
    box.put("b")
    assert len(woken) == 2 and everything(box) == [] and not box.wants_live()
