"""How many steps and seconds on one thread it takes to find a kernel from each sample picture, and how near it then is.

python bench/learning_kernel.py [--size 300] [--tolerance 0.01]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from cnnviz.descent_rates import suggested_method
from cnnviz.functional import conv2d
from cnnviz.images import SAMPLES, load_image
from cnnviz.kernel_learning import KernelLearning
from cnnviz.kernel_loss import kernel_loss
from cnnviz.kernels import KERNELS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--tolerance", type=float, default=0.01)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{'picture':13} {'kernel':11} {'condition':>9} {'method':10} {'steps':>6} {'seconds':>7} {'largest error':>13}"
    )
    for name, sample in SAMPLES.items():
        x = load_image(sample.path, size=options.size)
        for target in ("sobel-x", "sobel-y", "laplacian4", "gaussian5"):
            kernel = torch.tensor(KERNELS[target].values, dtype=torch.float32)
            y = conv2d(x, kernel[None, None], padding="same")
            start = time.perf_counter()
            loss = kernel_loss(x, y, (kernel.shape[0], kernel.shape[1]))
            learning = KernelLearning(loss, suggested_method(loss))
            learning.run(100_000, options.tolerance)
            seconds = time.perf_counter() - start
            error = float((learning.kernel - kernel).abs().max())
            print(
                f"{name:13} {target:11} {loss.condition:9.0e} {learning.method:10} {learning.number:6} "
                f"{seconds:7.2f} {error:13.1e}"
            )


if __name__ == "__main__":
    main()
