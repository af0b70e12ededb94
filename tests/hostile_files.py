"""Networks as texts, descriptions, weights and data sets that mean no good, each made from its number alone."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import torch
from safetensors.torch import save

from cnnviz.dataset_files import read_dataset
from cnnviz.network_json import from_json, to_json
from cnnviz.network_text import format_network, parse_network
from cnnviz.network_weights import draw_weights, fit_tensors, read_weights, weights_file
from cnnviz.packed_bytes import DatasetError
from cnnviz.prepared_networks import NETWORKS
from tests.hostile_bytes import NUMBERS, damaged
from tests.hostile_images import plain
from tests.hostile_texts import LONG, MARK, TEXTS

SHAPE = (3, 32, 32)
LAYERS = parse_network(NETWORKS["lesson"].text)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, -0.0, 2**31, 10**12, 10**400, "", MARK, "same", "\ud800", [], [[]], [1, 2], [1, 2,
    3], {}, {"a": {}}, [10**9] * 2, "9" * 99, ["3", "3"], float("nan"), float("inf"),
)  # fmt: skip


@dataclass(frozen=True)
class HostileFile:
    """What is to be read, and the reader, which answers or raises its own error."""

    name: str
    content: Any
    read: Callable[[Any], Any]


def hostile_file(number: int, seed: int = 0) -> HostileFile:
    """The same content for the same number, anywhere."""
    rng = Random(f"{seed} {number}")
    return (_text, _json, _weights, _dataset)[number % 4](rng)


def try_file(file: HostileFile) -> bool:
    """Whether it could be read.

    Raises:
        AssertionError: it was refused in other words than a plain sentence.
    """
    try:
        file.read(file.content)
    except ValueError as error:  # each reader's own is one, and nothing else that it may raise
        assert type(error).__module__.startswith("cnnviz."), repr(error)
        message = str(error)
        assert len(message) < 1500 and "Traceback" not in message, message[:300]
        if isinstance(error, DatasetError):
            plain(message[:200] + ".")
        return False
    return True


def _text(rng: Random) -> HostileFile:
    text = rng.choice([network.text for network in NETWORKS.values()])
    for _ in range(rng.choice([1, 2, 5])):
        at, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        bit = rng.choice(
            [*TEXTS, str(rng.choice(NUMBERS)), "|", ",s0", "@0", ":-1", "add:63|", "@9999x9999,d9999", "p9999"]
        )
        text = rng.choice([
            text[:at] + bit + text[at:], text[:at] + text[end:], text[:at] + text[at:end] * 2 + text[end:],
            text[:at] + bit + text[end:], rng.choice(LONG) * rng.choice([10, 3999, 100_000]), text,
        ])  # fmt: skip
    return HostileFile("network", text, _read_text)


def _read_text(text: str) -> None:
    layers = parse_network(text)
    assert parse_network(format_network(layers)) == layers


def _json(rng: Random) -> HostileFile:
    if rng.random() < 0.3:
        data = damaged(to_json(LAYERS, SHAPE).encode(), rng, b'{"a": [1, 2]}')
    elif rng.random() < 0.1:
        data = rng.choice([b"[", b'{"a":', b'{"layers":[', b'"', b"9", b"-", b" "]) * rng.choice(
            [1000, 30_000, 199_000]
        )
    else:
        described = json.loads(to_json(LAYERS, SHAPE))
        for _ in range(rng.choice([1, 1, 3])):
            where: Any = (
                rng.choice([described, *described["layers"]])
                if isinstance(described.get("layers"), list)
                else described
            )
            if isinstance(where, dict):
                names = [*where, "type", "off", "stride", "padding", "parameters", "__class__", MARK]
                where[rng.choice(names)] = rng.choice(
                    [*VALUES, where, described["version"]] if where is not described else VALUES
                )
        data = _dumped(described)
    return HostileFile("JSON", data, _read_json)


def _dumped(described: Any) -> bytes:
    try:
        return json.dumps(described).encode()
    except ValueError:  # it held itself
        return b'{"format": "cnnviz-network", "version": 1, "layers": [' + b"[" * 5000


def _read_json(data: bytes) -> None:
    layers, shape = from_json(data)
    assert from_json(to_json(layers, shape)) == (layers, shape)


def _weights(rng: Random) -> HostileFile:
    sound = _sound_weights()
    length = int.from_bytes(sound[:8], "little")
    what = rng.randrange(4)
    if what == 0:
        data = damaged(sound[: rng.choice([len(sound), 2000])], rng, sound)
    elif what == 1:
        data = struct.pack("<Q", rng.choice([0, 1, length - 1, length + 1, 2**63, 2**64 - 1, 10**6, 10**8])) + sound[8:]
    elif what == 2:
        head = json.loads(sound[8 : 8 + length])
        for _ in range(rng.choice([1, 2])):
            entry = head[rng.choice(list(head))]
            if isinstance(entry, dict):
                entry[rng.choice(["dtype", "shape", "data_offsets", "x"])] = rng.choice(
                    [*VALUES, "F64", "I8", "BOOL", "F8_E4M3"]
                )
        text = _dumped(head)
        data = struct.pack("<Q", len(text)) + text + sound[8 + length :]
    else:
        kinds = [torch.zeros(3, dtype=dtype) for dtype in (torch.int8, torch.bool, torch.float64, torch.complex64)]
        tensors = {
            "0.weight": torch.full((12, 3, 3, 3), rng.choice([float("nan"), 1e38, -1.0])),
            f"<{MARK}>": rng.choice(kinds),
        }
        tensors |= {f"{k}.weight": torch.zeros(1) for k in range(rng.choice([0, 2000]))}
        data = save(tensors)
    return HostileFile("weights", data, _read_weights)


@cache
def _sound_weights() -> bytes:
    return weights_file(LAYERS, draw_weights(LAYERS, SHAPE, "pytorch", 0))


def _read_weights(data: bytes) -> None:
    parameters, _ = fit_tensors(LAYERS, draw_weights(LAYERS, SHAPE, "pytorch", 0), read_weights(data))
    assert all(torch.isfinite(tensor).all() for layer in parameters for tensor in layer.values())


def _dataset(rng: Random) -> HostileFile:
    files = []
    for name, content in rng.choice(_sound_sets()):
        if rng.random() < 0.7:
            content = damaged(content, rng, _sound_sets()[0][0][1])
        if rng.random() < 0.2:  # sizes that are claimed
            at = rng.choice([0, 4, 8, 12])
            content = content[:at] + struct.pack(">I", rng.choice(NUMBERS) % 2**32) + content[at + 4 :]
        content = gzip.compress(content) if rng.random() < 0.2 else content
        files.append((rng.choice([name, name, f"../../{name}", MARK, "", "t10k" + name, "x.bin"]), content))
    if rng.random() < 0.1:
        files = [("bomb.gz", rng.choice(_bombs()))]
    return HostileFile(
        "data set", files * rng.choice([1, 1, 1, 20]), lambda files: read_dataset(files, most_bytes=10**6)
    )


@cache
def _sound_sets() -> tuple[list[tuple[str, bytes]], ...]:
    rng = Random(0)
    pictures = struct.pack(">IIII", 0x803, 40, 8, 8) + rng.randbytes(40 * 64)
    labels = struct.pack(">II", 0x801, 40) + bytes(k % 10 for k in range(40))
    batch = b"".join(bytes((k % 10,)) + rng.randbytes(3072) for k in range(10))
    hundred = b"".join(bytes((k % 20, k % 100)) + rng.randbytes(3072) for k in range(10))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("cifar/data_batch_1.bin", "../../cifar/test_batch.bin"):
            entry = tarfile.TarInfo(name)
            entry.size = len(batch)
            archive.addfile(entry, io.BytesIO(batch))
    return (
        [("train-images", pictures), ("train-labels", labels)],
        [("data_batch_1.bin", batch), ("test_batch.bin", batch)], [("train.bin", hundred)], [("cifar.tar",
        packed.getvalue())], [("t10k-images", pictures), ("t10k-labels", labels), ("train-images", pictures),
        ("train-labels", labels)],
    )  # fmt: skip


@cache
def _bombs() -> tuple[bytes, ...]:
    zeros = gzip.compress(bytes(300_000_000), 1)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data_batch_1.bin", bytes(10_000_000))
    claimed = io.BytesIO()
    with tarfile.open(fileobj=claimed, mode="w") as tar:
        entry = tarfile.TarInfo("data_batch_1.bin")
        tar.addfile(entry)
    huge = bytearray(claimed.getvalue())
    huge[124:136] = b"77777777777\0"
    idx = struct.pack(">IIII", 0x803, 1_000_000, 128, 128)
    return (
        zeros, packed.getvalue(), bytes(huge), gzip.compress(zeros), gzip.compress(idx + bytes(200_000_000), 1),
        pickle.dumps({"data": [1]}), gzip.compress(pickle.dumps([1])), claimed.getvalue() * 9,
    )  # fmt: skip
