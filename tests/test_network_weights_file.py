"""Weights as a safetensors file: written as PyTorch names them, and read from strangers."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save

from cnnviz.layers import Shape
from cnnviz.network_text import parse_network
from cnnviz.network_weights import (
    MAX_BYTES,
    WeightsError,
    draw_weights,
    fit_tensors,
    named_tensors,
    read_weights,
    weights_file,
)
from cnnviz.prepared_networks import NETWORKS
from tests.fuzzing import examples

SEPARABLE = parse_network("conv:4@3x3|norm|relu|separable:6@3x3|flatten|linear:5|add:1")
SHAPE: Shape = (3, 10, 10)


def raw(header: object, numbers: bytes = b"") -> bytes:
    """A file as the format's description has it: the length of the list, the list, the numbers."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def one(dtype: str, shape: list[int], size: int, name: str = "0.weight") -> bytes:
    return raw({name: {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}, bytes(size))


def test_what_is_written_is_read_again_bit_for_bit() -> None:
    for prepared in NETWORKS.values():
        layers, shape = (
            parse_network(prepared.text),
            (3 if prepared.color == "rgb" else 1, prepared.side, prepared.side),
        )
        parameters = draw_weights(layers, shape, "pytorch", 3)
        data = weights_file(layers, parameters)
        assert data == weights_file(layers, parameters)
        fitted, problems = fit_tensors(layers, draw_weights(layers, shape, "pytorch", 4), read_weights(data))
        assert problems == []
        for now, then in zip(fitted, parameters):
            assert now.keys() == then.keys()
            assert all(torch.equal(now[name], then[name]) for name in now)


def test_the_names_and_the_metadata_are_pytorchs(tmp_path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(weights_file(SEPARABLE, draw_weights(SEPARABLE, SHAPE, "pytorch", 0)))
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert set(file.keys()) == {
            "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
            "3.0.weight", "3.1.weight", "3.1.bias", "5.weight", "5.bias",
        }  # fmt: skip


def test_views_and_turned_tensors_are_written_as_they_look() -> None:
    layers = parse_network("conv:2@3x3|conv:2@3x3")
    every = torch.randn(3, 3, 2, 2)
    parameters = [
        {"weight": every[:2].transpose(0, 1)[:2].permute(1, 0, 2, 3), "bias": every[0, 0, 0]},
        {"weight": torch.ones(1).expand(2, 2, 3, 3), "bias": every[0, 0, 0].requires_grad_()},
    ]
    read = read_weights(weights_file(layers, parameters))
    for name, tensor in named_tensors(layers, parameters).items():
        assert torch.equal(read[name], tensor), name


def test_a_network_without_weights_has_a_file_too() -> None:
    assert read_weights(weights_file(parse_network("relu"), [{}])) == {}


def test_a_module_of_pytorch_fits_with_its_counter_of_batches() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    layers = parse_network("conv:4@3x3|norm")
    fitted, problems = fit_tensors(
        layers, draw_weights(layers, SHAPE, "pytorch", 0), read_weights(save(module.state_dict()))
    )
    assert problems == []
    assert torch.equal(fitted[0]["weight"], module[0].weight)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_read(dtype: torch.dtype) -> None:
    read = read_weights(save({"0.weight": torch.tensor([0.5, -2.0], dtype=dtype)}))
    assert read["0.weight"].dtype == dtype
    assert read["0.weight"].tolist() == [0.5, -2.0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"12345678",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        pickle.dumps({"0.weight": [1.0]}),
        raw(b"not json"),
        raw([1, 2]),
        raw({"0.weight": 3}),
        raw({"0.weight": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
        raw({"0.weight": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, bytes(4)),
        raw({"0.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}),
        one("F32", [2**62, 4], 4),
        one("F32", [0, 2**63], 0),
        one("F32", [3], 8),
        one("Q7", [4], 4),
        one("F32", [1], 4)[:-1],
        one("F32", [1], 4) + b"x",
        (2**63).to_bytes(8, "little") + bytes(20),
    ],
)  # fmt: skip
def test_what_is_no_file_of_weights_gets_a_sentence(data: bytes) -> None:
    with pytest.raises(WeightsError, match=r"^This is no safetensors file, or it is damaged"):
        read_weights(data)


@pytest.mark.parametrize(
    ("dtype", "shape", "size"),
    [("F8_E4M3", [2], 2), ("F8_E8M0", [2], 2), ("F4", [4], 2), ("C64", [1], 8), ("U16", [2], 4), ("BOOL", [2], 2),
     ("U8", [2], 2)],
)  # fmt: skip
def test_odd_numbers_are_named(dtype: str, shape: list[int], size: int) -> None:
    with pytest.raises(WeightsError, match=r"holds numbers of the kind .+, which no layer here can take\.$"):
        read_weights(one(dtype, shape, size))


def test_what_is_too_much_is_said_in_figures() -> None:
    with pytest.raises(WeightsError, match=r"50,000,001 bytes"):
        read_weights(bytes(MAX_BYTES + 1))
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    with pytest.raises(WeightsError, match="too long"):
        read_weights(raw({f"{index}.weight": entry for index in range(20_000)}))
    for name in ("n" * 500, "0.weight\n", "\x1b[31m", "\u202e0.bias"):
        with pytest.raises(WeightsError, match=r"more than 200 characters, or odd ones\.$"):
            read_weights(one("F32", [1], 4, name))


GOOD = weights_file(SEPARABLE, draw_weights(SEPARABLE, SHAPE, "pytorch", 0))


@examples(150)
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=4), st.integers(0, 40))
def test_damage_is_read_or_gets_a_sentence(changes: list[tuple[int, int]], lost: int) -> None:
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    try:
        read = read_weights(bytes(data[: len(data) - lost]))
    except WeightsError as error:
        assert str(error).endswith(".")
    else:
        assert all(isinstance(tensor, torch.Tensor) for tensor in read.values())
