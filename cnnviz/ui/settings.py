"""What a page's URL says: one text per setting, what it means, and what to say when it means nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cnnviz.activations import ACTIVATIONS, Choice
from cnnviz.augmentation import AUGMENTATIONS
from cnnviz.beginnings import BEGINNINGS
from cnnviz.dataset_files import CLASSES
from cnnviz.datasets import DATASETS
from cnnviz.descent_rates import METHODS
from cnnviz.filters import MAX_FILTERS, parse_edits
from cnnviz.functional import POOLS
from cnnviz.images import MAX_SIZE, SAMPLES
from cnnviz.kernel_loss import MAX_SIDE as LARGEST_LEARNED
from cnnviz.kernels import INITIALISATIONS, MAX_SIDE, parse_kernel
from cnnviz.kind_plans import WEIGHTS
from cnnviz.kinds import KINDS
from cnnviz.network_text import MAX_LAYERS, parse_network
from cnnviz.number_pictures import parse_numbers
from cnnviz.optimisers import OPTIMISERS
from cnnviz.padding import PADDING_MODES
from cnnviz.prepared_networks import NETWORKS
from cnnviz.trained_networks import TRAINED

FIRST_FILTERS = "0=red-edges|1=upright-edges|2=level-edges|3=green-minus-magenta|4=yellow-minus-blue|5=red-on-green"
WHOLE = re.compile(r"\s*(\d{1,4})\s*")
LAB_STAGES = r"input|padded|conv|activation|pool"
POOLING_STAGES = r"input|conv|activation|pool|winners|shifted(?:-pool|-strided)?|pool-changes|strided-changes"
LAYERS_STAGES = (
    r"[a-z]{0,12}\d{0,2}(?:-[a-z]{1,9}){0,2}"  # where a page has its own: input, 0, a1, a1-padded, difference-b
)
LOOK = re.compile(r"\s*([a-z0-9-]{1,20})\s*:\s*(\d{1,4}|rgb|all|stack)\s*")
LONGEST_PIN = 80  # characters
REACH = 1e6  # of a number, either way
NEAREST = 1e-3  # to zero, of a number that something is divided by


@dataclass(frozen=True)
class Setting:
    """One setting of a page.

    name: in the URL, and the key of its widget.
    default: the text that stands for "not said"; it drops out of the URL.
    parse: text -> value; raises ValueError.
    expects: what may be written, for the sentence that says a text could not be read.
    words: the words that it may be, if it is one of a few; asked for anew each time, so that a registry may grow.
    numeric: whether its widget holds a number rather than the text.
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    expects: str
    words: Callable[[], tuple[str, ...]] = tuple
    numeric: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The words that it may be now."""
        return self.words()


def size(text: str, low: int, high: int, separator: str = ",") -> tuple[int, int]:
    """Read "3" or "3,1" (with "x", "200x300") as (height, width), each from low to high."""
    found = [WHOLE.fullmatch(part) for part in text.split(separator)]
    numbers = [int(part[1]) for part in found if part]
    if len(numbers) != len(found) or len(numbers) not in (1, 2) or not all(low <= n <= high for n in numbers):
        raise ValueError(text)
    return numbers[0], numbers[-1]


def _padding(text: str) -> str | tuple[int, int]:
    return word if (word := text.strip().lower()) in ("valid", "same") else size(text, 0, 64)


def pin(expects: str, stages: str = LAYERS_STAGES) -> Setting:
    """The cell that the lens keeps to: "conv:12,40" as (stage, row, column), and perhaps a channel; no text is none."""
    pattern = re.compile(rf"\s*({stages})\s*:" + r"\s*(\d{1,4})\s*,\s*(\d{1,4})\s*(?:,\s*(\d{1,4})\s*)?")

    def parse(text: str) -> tuple[str | int, ...] | None:
        if not text.strip():
            return None
        # A stage may be empty, so among 100,000 blanks there are as many places for it: seconds.
        found = pattern.fullmatch(text) if len(text) <= LONGEST_PIN else None
        if not found or not found[1]:
            raise ValueError(text)
        return found[1], *(int(number) for number in found.groups()[1:] if number)

    return Setting("pin", "", parse, expects)


def _looks(text: str) -> dict[str, int | str]:
    """Read "input:stack,0:7" as {stage: what is shown of it}; rgb is -1."""
    looks: dict[str, int | str] = {}
    for part in text.split(",") if text.strip() else ():
        found = LOOK.fullmatch(part)
        if not found:
            raise ValueError(text)
        looks[found[1]] = -1 if found[2] == "rgb" else int(found[2]) if found[2].isdigit() else found[2]
    return looks


LOOKS = Setting(
    "looks", "", _looks, "stages and what is shown of them, as in input:stack,0:7 (a map, rgb, all or stack)"
)


def whole(name: str, default: str, low: int, high: int) -> Setting:
    """A setting that is a whole number."""

    def parse(text: str) -> int:
        if "," in text:
            raise ValueError(text)
        return size(text.removesuffix(".0"), low, high)[0]  # as Streamlit writes what a box of numbers holds

    return Setting(name, default, parse, f"a whole number from {low} to {high}", numeric=True)


def choice(name: str, options: Collection[str], default: str, *, first: tuple[str, ...] = ()) -> Setting:
    """A setting that is one of a few words: `first` some, then the options, such as the names in a registry."""

    def words() -> tuple[str, ...]:
        return *first, *options

    def parse(text: str) -> str:
        if text not in words():
            raise ValueError(text)
        return text

    return Setting(name, default, parse, "one of " + ", ".join(words()), words)


def sizes(name: str, default: str, low: int, high: int) -> Setting:
    """A setting that is a number or a pair, such as 2 or 2,1."""
    expects = f"a whole number from {low} to {high}, or two as in 2,1 (height, width)"
    return Setting(name, default, lambda text: size(text, low, high), expects)


def number(name: str, default: str, *, nonzero: bool = False, largest: float = REACH) -> Setting:
    """A setting that is any number up to a size."""

    def parse(text: str) -> float:
        value = float(text) if len(text) <= 30 else math.nan
        if not abs(value) <= largest or (nonzero and abs(value) < NEAREST):
            raise ValueError(text)
        return value

    other = " other than 0" if nonzero else ""
    return Setting(name, default, parse, f"a number{other} up to {largest:g}, such as 0.5", numeric=True)


def padding(name: str, default: str) -> Setting:
    """A setting that is a padding."""
    return Setting(name, default, _padding, "valid, same, a whole number up to 64, or two as in 1,2 (height, width)")


def _activation_parameters() -> Iterable[Setting]:
    """Those of all activations, by PyTorch's names; where two share one, it has one default."""
    for function in ACTIVATIONS.values():
        for name, parameter in function.parameters.items():
            if isinstance(parameter, Choice):
                yield choice(name, parameter.options, parameter.default)
            else:
                # e to the power of softplus's threshold is still a float32
                largest = 80 if name == "threshold" else REACH
                yield number(name, f"{parameter.default:g}", nonzero=parameter.nonzero, largest=largest)


ACTIVATION_PARAMETERS = tuple(_activation_parameters())


def image(sample: str, side: str, color: str, largest: int = MAX_SIZE) -> tuple[Setting, ...]:
    """Which picture is the input; the defaults are a page's own."""
    return (
        choice("image", SAMPLES, sample),
        Setting(
            "size", side, lambda text: size(text, 1, largest, "x"), f"1 to {largest}, or height x width as in 200x300"
        ),
        choice("fit", ("crop", "keep", "stretch"), "crop"),
        choice("color", ("gray", "rgb"), color),
        whole("frame", "0", 0, 999),
    )


IMAGE = image(next(iter(SAMPLES)), "300", "gray")
KERNEL = Setting(
    "kernel",
    "edge",
    parse_kernel,
    "a preset's name, rows such as 0,1,0;1,-4,1;0,1,0, or random weights as in normal:3x3:7",
)
ACTIVATION = choice("activation", [name for name in ACTIVATIONS if name != "identity"], "relu", first=("none",))
LAB = (
    *IMAGE,
    KERNEL,
    number("bias", "0"),
    sizes("stride", "1", 1, 64),
    padding("padding", "same"),
    choice("padding_mode", PADDING_MODES, "zeros"),
    number("padding_value", "0"),
    sizes("dilation", "1", 1, 64),
    ACTIVATION,
    *ACTIVATION_PARAMETERS,
    choice("pool", POOLS, "max", first=("none",)),
    sizes("pool_size", "2", 1, 64),
    sizes("pool_stride", "2", 1, 64),
    padding("pool_padding", "same"),
    pin("a stage, row and column as in conv:12,40 (input, padded, conv, activation or pool)", LAB_STAGES),
)
VOLUMES = (
    *image("astronaut", "34", "rgb"),
    whole("filters", "8", 1, MAX_FILTERS),
    sizes("kernel_size", "3", 1, MAX_SIDE),
    sizes("stride", "1", 1, 64),
    padding("padding", "valid"),
    number("bias", "0"),
    choice("init", INITIALISATIONS, "pytorch"),
    whole("seed", "0", 0, 9999),
    Setting("edits", FIRST_FILTERS, parse_edits, "filters by their numbers, as in 0=red-edges|3=kaiming_normal:7"),
    whole("filter", "0", 0, MAX_FILTERS - 1),
    choice("patch", ("window", "image"), "window"),
    LOOKS,
    pin("a stage, row, column and map as in 0:12,20,3"),
)
SLOTS = ("a", "b", "c")  # the places of kinds side by side


def _slot(slot: str, kind: str) -> tuple[Setting, ...]:
    return (
        choice(f"kind_{slot}", KINDS, kind, first=("none",) * (slot == "c")),
        sizes(f"stride_{slot}", "2", 1, 64),
        sizes(f"dilation_{slot}", "2", 1, 64),
        whole(f"groups_{slot}", "4", 1, 64),
    )


KINDS_PAGE = (
    *image("chelsea", "96", "rgb"),
    choice("maps", ("image", "4", "8", "12", "16"), "12"),
    whole("out_channels", "12", 1, 64),
    KERNEL,
    choice("weights", WEIGHTS, "random"),
    choice("init", INITIALISATIONS, "kaiming_uniform"),
    whole("seed", "0", 0, 9999),
    padding("padding", "same"),
    *_slot("a", "plain"),
    *_slot("b", "separable"),
    *_slot("c", "none"),
    LOOKS,
    pin("a stage, row, column and map as in a0:12,20,3"),
)
POOLING = (
    choice("source", ("image", "numbers"), "image"),
    Setting("numbers", "mixed", parse_numbers, "a picture's name, such as ramp, or 8 rows of 8 as in 1,2,…;3,4,…"),
    *image("camera", "64", "gray"),
    KERNEL,
    number("bias", "0"),
    ACTIVATION,
    *ACTIVATION_PARAMETERS,
    choice("pool", POOLS, "max", first=("none",)),
    choice("pool_windows", ("window", "global", "adaptive"), "window"),
    sizes("pool_size", "2", 1, 64),
    sizes("pool_stride", "2", 1, 64),
    padding("pool_padding", "valid"),
    sizes("output_size", "2", 1, 64),
    whole("shift", "1", 0, 8),
    whole("shift_down", "0", 0, 8),
    LOOKS,
    pin("a stage, row and column as in pool:3,4 (or input, conv, activation, winners, shifted …)", POOLING_STAGES),
)


NETWORK = (
    *image("chelsea", "32", "rgb"),
    Setting("net", NETWORKS["lesson"].text, parse_network, "layers such as conv:12@3x3,same|relu|max:2"),
    choice("init", INITIALISATIONS, "pytorch"),
    whole("seed", "0", 0, 9999),
    Setting("edits", "", parse_edits, "filters by their numbers, as in 0=red-edges|3=kaiming_normal:7"),
    choice("scale", ("map", "layer", "network"), "layer"),
    whole("layer", "0", 0, MAX_LAYERS - 1),
    whole("unit", "0", 0, 9999),
    LOOKS,
    pin("a stage, row, column and map as in 0:12,20,3"),
)


def watched(text: str) -> tuple[int, str, int] | None:
    """Read "0:weight:13" as a layer's index, a tensor's name and a place in it; no text is none."""
    if not text.strip():
        return None
    found = re.fullmatch(r"\s*(\d{1,2}):([a-z_]{1,12}):(\d{1,7})\s*", text)
    if not found:
        raise ValueError(text)
    return int(found[1]), found[2], int(found[3])


def between(name: str, default: str, low: float, high: float) -> Setting:
    """A setting that is a number from low to high."""

    def parse(text: str) -> float:
        value = float(text) if len(text) <= 30 else math.nan
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return Setting(name, default, parse, f"a number from {low:g} to {high:g}, such as {default}", numeric=True)


AIMS = ("learn", "undo", "recover")  # the kernel; a kernel that undoes it; the picture before it
SUGGESTED = "suggested"


def word_or(word: str, parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Read a word that stands for None, or something else."""
    return lambda text: None if text.strip().lower() == word else parse(text)


def _plane(text: str) -> tuple[int, int]:
    return size(text, 0, LARGEST_LEARNED**2)  # a bias is the last


# Of the task One kernel of the page Train.
ONE_KERNEL = (
    *(each for each in image("camera", "128", "gray", largest=256) if each.name != "color"),
    choice("aim", AIMS, "learn"),
    replace(KERNEL, default="auto", parse=word_or("auto", parse_kernel), expects=f"auto, or {KERNEL.expects}"),
    choice("target", ("kernel", "own"), "kernel"),
    choice("numbers", ("exact", "file"), "exact"),
    Setting(
        "kernel_size",
        "auto",
        word_or("auto", lambda text: size(text, 1, LARGEST_LEARNED)),
        f"auto, a whole number from 1 to {LARGEST_LEARNED}, or two as in 3,5 (height, width)",
    ),
    choice("start", ("random", "zeros"), "random"),
    choice("method", METHODS, SUGGESTED, first=(SUGGESTED,)),
    choice("recover_by", OPTIMISERS, "sgd"),
    Setting("step", "best", word_or("best", between("step", "0.1", 1e-9, 1e6).parse), "best, or a number above 0"),
    whole("steps", "2000", 1, 5000),
    whole("rounds", "150", 1, 500),
    between("noise", "0", 0, 1),
    between("ridge", "0.001", 0, 10),
    Setting("plane", "valley", word_or("valley", _plane), "valley, or the places of two weights as in 0,4"),
    whole("weight", "0", 0, LARGEST_LEARNED**2),
    Setting("moment", "end", word_or("end", lambda text: size(text, 0, 9999)[0]), "end, or the number of a step"),
)
BEGINNING = BEGINNINGS["digits"]
OWN = "own"  # pictures that a person brought, which no link carries
TASKS = ("network", "kernel")
TRAIN = (
    choice("task", TASKS, "network"),
    choice("data", (*DATASETS, OWN), "digits"),
    Setting("layers", BEGINNING.text, parse_network, "layers such as conv:12@3x3|relu|max:2|flatten|linear:10|softmax"),
    choice("classes", CLASSES, "numbers"),
    choice("optimiser", OPTIMISERS, BEGINNING.recipe.optimiser),
    between("rate", f"{BEGINNING.recipe.rate:g}", 1e-6, 10),
    whole("batch", f"{BEGINNING.recipe.batch}", 1, 512),
    whole("epochs", f"{BEGINNING.recipe.epochs}", 1, 200),
    between("weight_decay", "0", 0, 1),
    choice("augmentation", AUGMENTATIONS, "none"),
    choice("init", INITIALISATIONS, "pytorch"),
    whole("seed", "0", 0, 9999),
    whole("example", "0", 0, 9999),
    choice("scale", ("map", "layer", "network"), "layer"),
    whole("layer", "0", 0, MAX_LAYERS - 1),
    Setting("watched", "", watched, "a layer, a tensor and a place in it, as in 0:weight:13"),
    *ONE_KERNEL,
)


# --- Inside -----------------------------------------------------------------------------------------
MINE = "mine"  # the network that the session has trained, which no link carries
SAID = "what it says"
LAST = "last"
VIEWS = ("why", "layer", "filters", "perturb", "fool")


def opened_layer(text: str) -> int | None:
    """Read a layer's index, or "last": the last that makes maps, as None."""
    return None if text.strip().lower() == LAST else size(text, 0, MAX_LAYERS - 1)[0]


def class_name(text: str) -> str:
    """Read the name of a class; which there are, the network knows."""
    if not (name := text.strip()) or len(name) > 60 or not name.isprintable():
        raise ValueError(text)
    return name


def pixel(text: str) -> tuple[int, int] | None:
    """Read "12,40" as a row and a column; no text is none."""
    return size(text, 0, MAX_SIZE - 1) if text.strip() else None


INSIDE = (
    choice("network", (*TRAINED, MINE), "digits"),
    whole("example", "0", 0, 9999),
    choice("view", VIEWS, "why"),
    choice("scale", ("map", "layer", "network"), "layer"),
    Setting("layer", LAST, opened_layer, f"{LAST}, or a layer's number from 0"),
    whole("unit", "0", 0, 9999),
    Setting("class", SAID, class_name, f"{SAID}, or the name of a class"),
    Setting("pixel", "", pixel, "a row and a column of the picture, as in 3,4"),
    between("baseline", "0", 0, 1),
    whole("patch", "3", 1, 16),
    choice("goal", ("mean", "centre"), "mean"),
    whole("seed", "0", 0, 9999),
    between("noise", "0", 0, 1),
    between("turn", "0", -180, 180),
    between("right", "0", -16, 16),
    between("down", "0", -16, 16),
    whole("cover", "0", 0, 32),
    whole("cover_row", "0", 0, 127),
    whole("cover_col", "0", 0, 127),
    between("epsilon", "0.1", 0, 0.5),
    choice("aim", ("away", "towards"), "away"),
    LOOKS,
    pin("a stage, row, column and map as in 0:12,20,3"),
)


def unreadable(settings: Iterable[Setting], query: Mapping[str, str]) -> dict[str, str]:
    """For each setting whose text in the query means nothing: a sentence that says so, safe to show as Markdown."""
    problems = {}
    for setting in settings:
        text = query.get(setting.name)
        if text is None:
            continue
        try:
            setting.parse(text)
        except ValueError:
            problems[setting.name] = (
                f"{setting.name} = {quoted(text)} in the address was ignored: write {setting.expects}."
            )
    return problems


def escaped(text: str) -> str:
    """Text as Markdown that shows it as it is."""
    # What looks like an address becomes a link even when escaped: an invisible joiner keeps it text.
    text = re.sub(r"(www|@|:)(?=[./\w])", "\\1\u2060", text, flags=re.IGNORECASE)
    return re.sub(r"([\\`*_{}\[\]()<>#+.!|$:~&-])", r"\\\1", text)


def quoted(text: str) -> str:
    """A stranger's text as Markdown code: short, printable, and nothing but text."""
    plain = "".join(c if c.isprintable() and c != "`" else "·" for c in text[:40])
    return f"`{plain or ' '}`" + ("…" if len(text) > 40 else "")
