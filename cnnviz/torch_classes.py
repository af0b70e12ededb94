"""Modules that torch.nn does not have, as the code that is written where a network needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CLASSES: Final[Mapping[str, str]] = {
    "PaddedConv2d": '''\
class PaddedConv2d(nn.Conv2d):
    """A convolution that pads first, each side by its own number: `pads` are left, right, top, bottom."""

    def __init__(self, *sizes, pads, fill="constant", value=0.0, **options):
        super().__init__(*sizes, **options)
        self.pads, self.fill, self.value = pads, fill, value

    def forward(self, x):
        return super().forward(F.pad(x, self.pads, self.fill, self.value))
''',
    "Pool2d": '''\
class Pool2d(nn.Module):
    """The maximum, minimum, mean or Euclidean norm of each window. Padding is not a cell, so it never counts."""

    def __init__(self, kind, kernel_size, stride, pads=(0, 0, 0, 0), dilation=1):
        super().__init__()
        self.kind, self.kernel_size, self.stride = kind, kernel_size, stride
        self.pads, self.dilation = pads, dilation  # left, right, top, bottom

    def forward(self, x):
        if self.kind == "max":
            return self.maximum(x)
        if self.kind == "min":
            return -self.maximum(-x)
        if self.kind == "avg":
            return self.sum(x) / self.sum(torch.ones_like(x))
        return self.sum(x.square()).sqrt()

    def maximum(self, x):
        x = F.pad(x, self.pads, value=-torch.inf)
        return F.max_pool2d(x, self.kernel_size, self.stride, 0, self.dilation)

    def sum(self, x):
        ones = x.new_ones(x.shape[1], 1, *self.kernel_size)  # a filter of ones on each channel
        return F.conv2d(F.pad(x, self.pads), ones, None, self.stride, 0, self.dilation, groups=x.shape[1])
''',
    "AdaptiveMinPool2d": '''\
class AdaptiveMinPool2d(nn.AdaptiveMaxPool2d):
    """The minimum of each of as many windows as are wanted."""

    def forward(self, x):
        return -super().forward(-x)
''',
    "AdaptiveL2Pool2d": '''\
class AdaptiveL2Pool2d(nn.AdaptiveAvgPool2d):
    """The Euclidean norm of each of as many windows as are wanted."""

    def forward(self, x):
        means = super().forward(x.square())
        rows, cols = (
            x.new_tensor([-(-(i + 1) * size // out) - i * size // out for i in range(out)])
            for size, out in zip(x.shape[2:], means.shape[2:])
        )
        return (means * torch.outer(rows, cols)).sqrt()  # a mean times its cells is a sum
''',
    "SoftmaxOverAll": '''\
class SoftmaxOverAll(nn.Module):
    """Shares of all values of a picture, which sum to 1."""

    def forward(self, x):
        return F.softmax(x.flatten(1), dim=1).reshape(x.shape)
''',
    "Add": '''\
class Add(nn.Module):
    """A skip connection: adds what went into the module `back` modules earlier."""

    def __init__(self, back):
        super().__init__()
        self.back = back

    def forward(self, x, skipped):
        return x + skipped
''',
    "Network": '''\
class Network(nn.Sequential):
    """Modules one after another, with skip connections."""

    def forward(self, x):
        wanted = {index - module.back for index, module in enumerate(self) if isinstance(module, Add)}
        kept = {}
        for index, module in enumerate(self):
            if index in wanted:
                kept[index] = x
            x = module(x, kept[index - module.back]) if isinstance(module, Add) else module(x)
        return x
''',
}
