"""PyTorch as its performance guide recommends: in memory, fused Adam, channels last, autocast."""

from job import read_jobs
from pytorch_memory import Batches
from torch_models import to_tensor, train


def main() -> None:
    """Do all jobs, one after the other."""
    for job in read_jobs():
        train(job, Batches(to_tensor(job.images("train")), job.batch_size), is_tuned=True)


if __name__ == "__main__":
    main()
