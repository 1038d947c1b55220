"""Works in processes of their own, and what they share."""

import pickle

from latentscape.parallel.calls import Sent


def test_what_works_share_arrives_once_in_a_process():
    sent = Sent({"images": [1, 2]})
    first, second = (pickle.loads(pickle.dumps((sent, number))) for number in range(2))
    assert first[0].open() == {"images": [1, 2]}
    assert first[0].open() is second[0].open()
    assert Sent({"images": [1, 2]}).open() is not first[0].open()
