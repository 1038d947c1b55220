"""What a launcher of several processes, such as ``torchrun``, says of this one."""

import os


def is_first_process() -> bool:
    """Tell whether this process speaks for all that were launched together."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"
