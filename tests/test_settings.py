"""What an address may say: every default is readable, every hostile text is refused with a plain ValueError."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnnviz.activations import ACTIVATIONS
from cnnviz.images import SAMPLES
from cnnviz.kernels import KERNELS, MAX_SIDE, KernelError, parse_kernel
from cnnviz.ui.settings import LAB, Setting, choice, number, padding, quoted, size, sizes, unreadable
from cnnviz.ui.stages import TITLES
from tests.fuzzing import examples

SETTINGS = {setting.name: setting for setting in LAB}
CONTRACT = {
    "image", "size", "color", "kernel", "bias", "stride", "padding", "padding_mode", "padding_value", "dilation",
    "activation", "pool", "pool_size", "pool_stride", "pool_padding",
}  # fmt: skip
HOSTILE = (
    "", " ", "\x00", "\n", "nan", "NaN", "-nan", "inf", "-Infinity", "1e999", "-1e999", "1e-999", "9" * 20,
    "9" * 100_000, "1" + "0" * 400, "1," * 50_000, "," * 50_000, ";" * 50_000, "-1" * 30_000, "1/" * 30_000,
    "1e" * 30_000, "[" * 50_000, "((1))", "[[1,2],[3,4]]", '{"a": {"b": 1}}', "0x10", "1__0", "1,2,3", "1x2x3", "x",
    "1x", "x1", "-1", "0", "+1", "1.0", "1.5,2", "None", "True", "same\n", "VALID", "same,1", "valid,", "1;1,1", ";",
    "<script>alert(1)</script>", "`", "``` ```", "](//x)", "../../etc/passwd", "%00", "🙂" * 50, "\u202e1", "\ud800",
    "a" * 100_000, " " * 100_000, " " * 50_000 + "1" + " " * 50_000, "1" + " " * 100_000 + "x", "٣", "１", "²", "½",
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(), max_size=20),  # lone surrogates too
    st.text("0123456789.,;/eE+-−x ", max_size=25),
    st.sampled_from(HOSTILE),
    st.sampled_from(["valid", "same", "relu", "edge", "3", "1,2", "200x300", "-0.5", "1e-3", "gray", "max"]),
    st.builds(lambda inner, depth: "[" * depth + inner + "]" * depth, st.text(max_size=5), st.integers(0, 1000)),
)
several = examples(120)


def read(setting: Setting, text: str) -> Any:
    """What a text means, or None if it means nothing; any other error than ValueError comes through."""
    try:
        return setting.parse(text)
    except ValueError:
        return None


def test_the_lab_reads_what_the_contract_names() -> None:
    assert set(SETTINGS) >= CONTRACT
    assert len(SETTINGS) == len(LAB), "each name once"
    assert {name for function in ACTIVATIONS.values() for name in function.parameters} <= set(SETTINGS)


@pytest.mark.parametrize("setting", LAB, ids=lambda setting: setting.name)
def test_every_default_can_be_read(setting: Setting) -> None:
    value = setting.parse(setting.default)
    assert (value is None) == (setting.name == "pin"), "no cell is pinned"
    assert setting.expects
    if setting.options:
        assert setting.default in setting.options
        assert [setting.parse(word) for word in setting.options] == list(setting.options)
    if setting.numeric:
        assert float(setting.default) == value if isinstance(value, float) else int(setting.default) == value


def test_defaults_are_the_functions_own() -> None:
    for function in ACTIVATIONS.values():
        for name, parameter in function.parameters.items():
            assert SETTINGS[name].parse(SETTINGS[name].default) == parameter.default


@pytest.mark.parametrize("setting", LAB, ids=lambda setting: setting.name)
def test_hostile_text_is_refused_with_a_value_error(setting: Setting) -> None:
    for text in HOSTILE:
        read(setting, text)


@several
@given(st.sampled_from(LAB), texts)
def test_any_text_is_read_or_refused(setting: Setting, text: str) -> None:
    value = read(setting, text)
    if value is None:
        return
    if setting.options:
        assert text == value
    elif isinstance(value, float):
        assert math.isfinite(value)
        assert abs(value) <= 1e6
    elif setting.name == "kernel":
        assert all(math.isfinite(cell) for row in value for cell in row)
        assert 1 <= len(value) <= MAX_SIDE
        assert {len(row) for row in value} <= set(range(1, MAX_SIDE + 1))
    elif setting.name == "pin":
        assert value[0] in TITLES and all(isinstance(n, int) and 0 <= n <= 9999 for n in value[1:])
    else:
        assert value in ("valid", "same") or all(isinstance(n, int) and 0 <= n <= 1024 for n in _flat(value))


@pytest.mark.parametrize("stage", TITLES)
def test_a_pin_is_a_stage_a_row_and_a_column(stage: str) -> None:
    assert SETTINGS["pin"].parse(f"{stage}:12,0") == (stage, 12, 0)
    assert SETTINGS["pin"].parse(f" {stage} : 3 , 4 ") == (stage, 3, 4)
    assert SETTINGS["pin"].parse(f"{stage}:3,4,2") == (stage, 3, 4, 2), "on the map that is not the one shown"
    assert SETTINGS["pin"].parse(" ") is None
    for text in (
        f"{stage}:1",
        f"{stage}:-1,2",
        f"{stage}:1,2,3,4",
        f"{stage}1,2",
        f"{stage}:1.5,2",
        f"{stage}:99999,1",
        "1,2",
        f"{stage}:",
        "lens:1,2",
    ):
        with pytest.raises(ValueError):
            SETTINGS["pin"].parse(text)


def _flat(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def test_a_kernels_error_is_a_value_error() -> None:
    assert issubclass(KernelError, ValueError)
    with pytest.raises(KernelError):
        SETTINGS["kernel"].parse("1,2;3")


@pytest.mark.parametrize("name", KERNELS)
def test_every_preset_has_a_name_for_the_address(name: str) -> None:
    assert SETTINGS["kernel"].parse(name) == KERNELS[name].values == parse_kernel(name)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_has_a_name_for_the_address(name: str) -> None:
    assert SETTINGS["image"].parse(name) == name


spaces = st.sampled_from(["", " ", "  "])


@several
@given(st.integers(-5, 99), st.integers(-5, 99), st.integers(0, 9), st.integers(10, 70), spaces, st.sampled_from(",x"))
def test_the_grammar_of_sizes(a: int, b: int, low: int, high: int, space: str, separator: str) -> None:
    def meant(text: str) -> tuple[int, int] | None:
        try:
            return size(text, low, high, separator)
        except ValueError:
            return None

    good_a, good_b = low <= a <= high, low <= b <= high
    assert meant(f"{space}{a}{space}") == ((a, a) if good_a else None)
    assert meant(f"{a}{space}{separator}{space}{b}") == ((a, b) if good_a and good_b else None)
    wrong = "x" if separator == "," else ","
    bad = [f"{a}{wrong}{b}", f"{a}{separator}", f"{separator}{a}", separator, "", f"{a}{separator}{b}{separator}{a}"]
    bad += [f"{a}.0", f"{a}{separator}{separator}{b}", f"{a} {b}", f"+{abs(a)}"]
    assert [meant(text) for text in bad] == [None] * len(bad)


@several
@given(st.integers(-3, 80), st.integers(-3, 80))
def test_the_grammar_of_padding(a: int, b: int) -> None:
    setting = padding("p", "same")
    fits = [0 <= n <= 64 for n in (a, b)]
    assert read(setting, f"{a}") == ((a, a) if fits[0] else None)
    assert read(setting, f"{a},{b}") == ((a, b) if all(fits) else None)
    for word in ("valid", "same"):
        assert read(setting, word) == read(setting, f" {word.upper()} ") == word
        assert read(setting, f"{word},{a}") is None


def test_the_image_size_is_height_by_width() -> None:
    assert SETTINGS["size"].parse("200x300") == (200, 300)
    assert SETTINGS["size"].parse("300") == (300, 300)
    assert read(SETTINGS["size"], "0") is read(SETTINGS["size"], "1025") is read(SETTINGS["size"], "200,300") is None


@several
@given(st.floats(allow_nan=True, allow_infinity=True))
@example(1e6)
@example(0.0)
@example(-0.0)
@example(1e-300)
@example(float("nan"))
def test_the_grammar_of_numbers(value: float) -> None:
    # a negative number of full precision with an exponent is 24 characters long
    assert read(number("n", "0"), repr(value)) == (value if abs(value) <= 1e6 else None)
    divisor = read(number("n", "1", nonzero=True), repr(value))
    assert divisor is None or (divisor == value and value != 0)
    assert divisor is not None or not 1e-3 <= abs(value) <= 1e6


def test_the_grammar_of_words() -> None:
    setting = choice("w", ("one", "two"), "one")
    assert [read(setting, text) for text in ("one", "two", "three", "", "One", "one ")] == ["one", "two", *[None] * 4]


@several
@given(texts)
def test_quoted_text_is_one_piece_of_code_and_nothing_else(text: str) -> None:
    shown = quoted(text)
    assert re.fullmatch(r"`[^`]+`…?", shown), "one span: nothing closes it early, and it is never empty"
    assert shown.removesuffix("…")[1:-1].isprintable(), "no line ends, no characters that turn the line around"
    assert len(shown) <= 43
    assert shown.endswith("…") == (len(text) > 40)
    shown.encode()  # it travels


@several
@given(st.dictionaries(st.sampled_from([*SETTINGS, "utm_source", "embed", "STRIDE"]), texts, max_size=8))
@example({"stride": "0", "padding": "same", "pool": "mean", "fbclid": "x"})
def test_exactly_the_unreadable_is_named(query: dict[str, str]) -> None:
    problems = unreadable(LAB, query)
    assert set(problems) == {name for name, text in query.items() if name in SETTINGS and _refuses(name, text)}
    for name, sentence in problems.items():
        assert sentence.startswith(f"{name} = {quoted(query[name])} ")
        assert SETTINGS[name].expects in sentence
        assert sentence.count("`") == 2, "only the span that quotes"
        assert "\n" not in sentence


def _refuses(name: str, text: str) -> bool:
    try:
        SETTINGS[name].parse(text)
    except ValueError:
        return True
    return False


def test_sizes_say_what_they_expect() -> None:
    assert "1 to 64" in sizes("stride", "1", 1, 64).expects
