"""What a stranger may write in an address or a box: what means nothing, or worse, and what asks for most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cnnviz.filter_presets import FILTERS
from cnnviz.kernels import INITIALISATIONS, KERNELS
from cnnviz.prepared_networks import NETWORKS

MARK: Final = "qzMARKzq"  # whatever a stranger wrote is found by it
# What a page, Streamlit, or nobody keeps under these names.
NAMES: Final = (
    "offered", "own", "own shown", "own decoded", "own problem", "page", "last good", "last drawn", "to reset",
    "unreadable", "senseless", "uploads", "upload", "upload-0", "weights", "file problem", "learned", "filtered",
    "drawing", "inside own", "inside heard", "inside picture", "slide job", "code", "save", "camera", "brought",
    "own pictures", "own pictures' names", "stages", "kernel_grid", "take away", "embed", "embed_options", "st_page",
    "utm_source", "STRIDE", "", "__class__", "$$ID-1-stride", "$$WIDGET_ID", "stride[]", "stride%00",
    "../../etc/passwd", f"<b>{MARK}</b>",
)  # fmt: skip
TEXTS: Final = (
    "", " ", "\0", "1\0", "\n", "nan", "NaN", "-nan", "inf", "-Infinity", "1e999", "-1e999", "-0", "-0.0", "1e-999",
    "5e-324", "1_0", "٣", "１", "²", "½", "0x10", "1,2,3", "1x2x3", ",", "1,", "x1", "[[1,2],[3,4]]", "{}", "None",
    "True", '{"a": [1]}', "'", '"', "\\", "%", "%2500", "%s%n", "{0.__class__}", "${7*7}", "{{7*7}}",
    "__import__('os')", f"<img src=x onerror={MARK}>", f"<script>{MARK}</script>", f"[{MARK}](javascript:alert(1))",
    f"![{MARK}](//a.b/c)", f"**{MARK}**", f"`{MARK}`", f"``` {MARK}", f":red[{MARK}]", f":material/{MARK}:",
    f"$${MARK}$$", f"$\\href{{{MARK}}}$", f"]({MARK})", f"a\n\n# {MARK}", f"<{MARK}", f"&lt;{MARK}&gt;",
    f"| {MARK} |\n|-|", f":streamlit: {MARK} www.a.bc", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd",
    "camera.png", "..\\camera", "C:\\camera", "camera/../coffee", "\u202e1,2", "\u200b3", "3\u200d", "\ufeff3",
    "e\u0301" * 20, "🙂" * 50, "👨‍👩‍👧‍👦", "a" * 300, "\ud800", "\udfff1", "-" * 90,
)  # fmt: skip
LONG: Final = (
    "9", "1,", "1;", "-1", "1/", "[", "(", "a", " ", "conv:1|", "0=edge|", "0:1,", "\u202e", f"<{MARK}>", "1e", "x",
    "=", "|",
)  # fmt: skip
# What some setting or other can read; each takes those that it can.
READABLE: Final = (
    *map(str, range(17)), "24", "28", "32", "33", "34", "63", "64", "100", "128", "150", "200", "224", "255", "256",
    "300", "400", "500", "512", "999", "1000", "1023", "1024", "2000", "5000", "9999", "1,64", "64,1", "2,1", "3,5",
    "15,15", "1x1024", "1024x1", "1024x1023", "200x300", "valid", "same", "-1", "0.5", "-0.5", "1e6", "-1e6", "1e-3",
    "1e-6", "1e-9", "0.001", "0.999", "0.1", "10", "80", "-80", "-180", "180", "-16", "16", "random", "nothing",
    "auto", "best", "valley", "end", "last", "what it says", "suggested", "exact", *KERNELS,
    *(f"{method}:{side}:{seed}" for method in INITIALISATIONS for side, seed in (("1x1", 0), ("15x15", 7), ("3x9",
    2**40))), "1", "1,2,3,4", ";".join(["1,0.5,-1"] * 9), ";".join([",".join(["1e6"] * 15)] * 15),
    ";".join([",".join(["1"] * 8)] * 8), "|".join(f"{k}={name}" for k, name in enumerate(FILTERS)), "63=red-edges",
    "0=kaiming_normal:7", "0=edge|1=1,2;3,4", "input:stack", "input:rgb,0:all", "0:63", "conv:0,0", "pool:9999,9999",
    "0:0,0,63", "a0:1,1", "input:1,1,2", "2:0,0", "0:weight:13", "0:bias:0", "9:weight:9999999",
    *(network.text for network in NETWORKS.values()), "conv:64@15,same|relu|conv:64@15,same|relu",
    "conv:9999@1|linear:9999", "flatten|linear:9999|linear:9999", "transposed:64@9,s8", "|".join(["conv:64@3,same",
    "relu"] * 32), "|".join(["conv:1@1"] * 64), "avg:2|" * 8 + "flatten", "flatten|add:1|softmax",
    "separable:64@9x9,same|norm|gelu|add:2", "conv:3@3,p9999", "max:9999", "adaptive_max:64x64", "global_avg|linear:10",
    "conv:16@3,d64",
)  # fmt: skip

# What makes a page compute, and hold, as much as it may be asked to.
COSTLY: Final[Mapping[str, tuple[str, ...]]] = {
    "size": ("1024", "1024x1023", "512", "300", "256", "128", "96", "34"), "color": ("rgb",), "fit": ("keep",
    "stretch"), "image": ("moving-dot", "astronaut", "coffee"), "frame": ("15", "999"), "filters": ("64",),
    "out_channels": ("64", "33"), "kernel": (";".join([",".join(["1"] * 15)] * 15), "kaiming_uniform:15x15:7", "edge"),
    "kernel_size": ("15", "15,14", "9"), "padding": ("64", "same", "valid"), "pool_padding": ("same", "16", "valid"),
    "stride": ("1",), "pool_stride": ("1",), "dilation": ("1", "9"), "pool_size": ("64", "33", "7"), "pool": ("l2",
    "avg", "max", "min"), "maps": ("16", "12", "image"), "padding_mode": ("circular", "reflect"),
    "activation": ("mish", "gelu", "softmax", "elu"), "over": ("all",), "patch": ("image", "window", "1"),
    "looks": ("0:all", "input:rgb,0:stack", "a0:all,b0:all"), "shift": ("8",), "stride_a": ("1", "64"),
    "stride_b": ("1",), "groups_a": ("1", "64"), "dilation_a": ("1", "5"), "pool_windows": ("adaptive", "global"),
    "kind_a": ("transposed", "stacked", "sawtooth", "separable"), "kind_b": ("dilated", "stacked"), "kind_c": ("plain",
    "transposed"), "output_size": ("64",),
    "net": tuple(text for text in READABLE if "|" in text and ":" in text and "=" not in text),
    "layers": tuple(text for text in READABLE if "|" in text and ":" in text and "=" not in text), "layer": ("0", "1",
    "3", "63"), "init": ("xavier_normal", "kaiming_normal"), "task": ("kernel", "network"), "steps": ("5000",),
    "rounds": ("500",), "aim": ("learn", "undo", "recover", "towards"), "numbers": ("exact", "file"),
    "method": ("momentum", "adam", "conjugate"), "recover_by": ("adam",), "view": ("why", "layer", "filters", "perturb",
    "fool"), "network": ("shapes-lesson", "shapes"), "turn": ("33.5",), "noise": ("1", "0.3"), "cover": ("32",),
    "epsilon": ("0.5",), "batch": ("512",), "data": ("shapes",), "pin": ("0:0,0", "conv:9,9", "pool:3,3", "a0:4,4,1"),
    "unit": ("9999", "1"), "scale": ("network",), "step": ("best", "1e-9"),
}  # fmt: skip
