import torch

from latentscape.model.averages import _by_product, sums_by


def test_rows_are_added_up_by_their_groups_alike_on_every_device():
    index = torch.tensor([2, 0, 2, 2])
    rows = torch.arange(8.0).reshape(4, 2)
    expected = torch.tensor([[2.0, 3], [0, 0], [10, 13], [0, 0]])
    with torch.autocast("cpu", torch.bfloat16):
        for add in (sums_by, _by_product):
            assert torch.equal(add(index, rows, 4), expected)
            # More than bfloat16 could count.
            ones = torch.ones(1001)
            assert add(torch.zeros(1001, dtype=torch.int64), ones, 2).tolist() == [1001, 0]
