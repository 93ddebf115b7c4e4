"""One thread for each process: two that share a core's worth of time are many times slower."""

import torch

torch.set_num_threads(1)
