"""Layers that Keras does not have, as the code that is written where a network needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CLASSES: Final[Mapping[str, str]] = {
    "Pad": '''\
class Pad(keras.layers.Layer):
    """Rows and columns around each map: ((top, bottom), (left, right)), of one value or copied from the map."""

    def __init__(self, sides, fill, value=0.0, **options):
        super().__init__(**options)
        self.sides, self.fill, self.value = sides, fill, value

    def call(self, x):
        if self.fill == "constant":
            return ops.pad(x, ((0, 0), *self.sides, (0, 0)), constant_values=self.value)
        for axis, (before, after) in enumerate(self.sides, 1):
            size = x.shape[axis]
            place = np.arange(-before, size + after)  # which row or column each one copies
            if self.fill == "reflect":
                place = size - 1 - abs(size - 1 - abs(place))
            elif self.fill == "replicate":
                place = place.clip(0, size - 1)
            else:
                place = place % size
            x = ops.take(x, place, axis=axis)
        return x
''',
    "Pool": '''\
class Pool(keras.layers.Layer):
    """The maximum, minimum, mean or Euclidean norm of each window. Padding is not a cell, so it never counts.

    The map is laid over itself, moved by a row at a time and then by a column, and folded to one number a cell.
    """

    def __init__(self, kind, size, strides, sides=((0, 0), (0, 0)), dilation=(1, 1), **options):
        super().__init__(**options)
        self.kind, self.size, self.strides = kind, size, strides
        self.sides, self.dilation = sides, dilation

    def call(self, x):
        if self.kind == "max":
            return self.fold(x, ops.maximum, -np.inf)
        if self.kind == "min":
            return self.fold(x, ops.minimum, np.inf)
        if self.kind == "avg":
            return self.fold(x, ops.add, 0) / self.fold(ops.ones_like(x), ops.add, 0)
        return ops.sqrt(self.fold(ops.square(x), ops.add, 0))

    def fold(self, x, join, empty):
        x = ops.pad(x, ((0, 0), *self.sides, (0, 0)), constant_values=empty)
        for axis, (size, stride, gap) in enumerate(zip(self.size, self.strides, self.dilation), 1):
            length = x.shape[axis] - gap * (size - 1)
            moved = [slice(step * gap, step * gap + length, stride) for step in range(size)]
            parts = [x[:, part] if axis == 1 else x[:, :, part] for part in moved]
            x = functools.reduce(join, parts)
        return x
''',
    "AdaptivePool": '''\
class AdaptivePool(keras.layers.Layer):
    """The maximum, minimum, mean or Euclidean norm of as many windows as are wanted, as PyTorch lays them out."""

    def __init__(self, kind, size, **options):
        super().__init__(**options)
        self.kind, self.size = kind, size

    def call(self, x):
        if self.kind == "l2":
            return ops.sqrt(self.fold(ops.square(x), ops.sum))
        return self.fold(x, {"max": ops.max, "min": ops.min, "avg": ops.mean}[self.kind])

    def fold(self, x, join):
        for axis, wanted in enumerate(self.size, 1):
            size = x.shape[axis]
            windows = [slice(i * size // wanted, -(-(i + 1) * size // wanted)) for i in range(wanted)]
            parts = [x[:, part] if axis == 1 else x[:, :, part] for part in windows]
            x = ops.concatenate([join(part, axis=axis, keepdims=True) for part in parts], axis=axis)
        return x
''',
    "Spread": '''\
class Spread(keras.layers.Layer):
    """Moves the cells of each map apart, with zeros between them."""

    def __init__(self, strides, **options):
        super().__init__(**options)
        self.strides = strides

    def call(self, x):
        (down, right), (height, width, channels) = self.strides, x.shape[1:]
        x = ops.reshape(x, (-1, height, 1, width, 1, channels))
        x = ops.pad(x, ((0, 0), (0, 0), (0, down - 1), (0, 0), (0, right - 1), (0, 0)))
        x = ops.reshape(x, (-1, height * down, width * right, channels))
        return x[:, : (height - 1) * down + 1, : (width - 1) * right + 1]
''',
    "Softplus": '''\
class Softplus(keras.layers.Layer):
    """A smooth ReLU, bent as `beta` says, and straight above a threshold."""

    def __init__(self, beta=1.0, threshold=20.0, **options):
        super().__init__(**options)
        self.beta, self.threshold = beta, threshold

    def call(self, x):
        return ops.where(self.beta * x > self.threshold, x, ops.softplus(self.beta * x) / self.beta)
''',
}
