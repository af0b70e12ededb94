"""What no source may do with what a stranger wrote: run it, unpickle it, show it as HTML, open it as a file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from cnnviz.ui.answer_bars import answer_bars
from cnnviz.ui.training_results import confusion_table

ROOT = Path(__file__).parents[1]
SOURCES = [ROOT / "app.py", *sorted(ROOT.glob("cnnviz/**/*.py")), *sorted(ROOT.glob("pages/**/*.py"))]
# By what is looked for, the places that may do it, and why.
ALLOWED: dict[str, dict[str, str]] = {
    "runs text": {},
    "unpickles": {
        "cnnviz/training_job.py": "news of our own worker, through a pipe that nobody else holds",
        "cnnviz/training_worker.py": "orders of our own server: settings and arrays, whatever a person brought",
    },
    "unsafe HTML": {},
    "shows HTML": {
        "cnnviz/ui/site.py": "our own style sheet",
        "cnnviz/ui/image_picker.py": "a style made of our samples' places",
        "cnnviz/ui/training_results.py": "tables and pictures of numbers; names of classes are ours, and escaped",
        "cnnviz/ui/inside_fool.py": "bars, curves, and arithmetic in numbers; names of classes are ours, and escaped",
        "cnnviz/ui/inside_head.py": "bars; a style by the name of a view, one of settings.VIEWS",
        "cnnviz/ui/inside_perturb.py": "bars; names of classes are ours, and escaped",
        "cnnviz/ui/inside_weights.py": "a bar of colours with two numbers",
    },
    "opens a file": {
        "cnnviz/image_files.py": "bytes as a picture; a path is for the samples that we ship, of a stranger come bytes",
        "cnnviz/images.py": "our credits",
        "cnnviz/example_parts.py": "a path is for scripts on this machine; of a visitor come bytes",
        "cnnviz/datasets.py": "our digits",
        "cnnviz/trained_networks.py": "our weights, by our own list; written by the program that trains them",
        "cnnviz/slide.py": "bytes that we made, as a picture",
        "cnnviz/training_worker.py": "/proc/self/statm",
        "cnnviz/ui/chosen_image.py": "our samples, by the registry",
        "cnnviz/ui/image_picker.py": "our samples, by the registry",
        "cnnviz/ui/components.py": "our browser files, at the start",
        "cnnviz/ui/serving.py": "our browser files and Streamlit's, from a list made at the start",
        "cnnviz/ui/site.py": "our style sheet and icon",
    },
    "runs a program": {"cnnviz/training_job.py": "our own worker, by arguments that are constants"},
}
CALLS = {
    "runs text": {"eval", "exec", "compile", "__import__", "import_module", "literal_eval", "run_path", "run_module"},
    "unpickles": {
        "Unpickler", "pickle.load", "pickle.loads", "torch.load", "marshal.loads",
        "shelve.open", "read_pickle",
    },
    "unsafe HTML": set(),  # a keyword, see below
    "shows HTML": {"st.html", "v1.html", "components.html", "iframe"},
    "opens a file": {
        "open", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "rename", "rmtree",
        "copyfile", "FileResponse", "StaticFiles", "extract", "extractall", "unpack_archive", "np.load", "load_file",
        "fromfile", "mkstemp", "NamedTemporaryFile", "TemporaryDirectory",
    },
    "runs a program": {"Popen", "system", "popen", "check_output", "check_call", "subprocess.run", "spawnv", "execv"},
}  # fmt: skip
KEYWORDS = {
    "unsafe_allow_html": "unsafe HTML", "unsafe_allow_javascript": "unsafe HTML", "allow_pickle": "unpickles",
    "shell": "runs a program",
}  # fmt: skip
# Of several libraries' calls by the same last name, these are none of those looked for.
HARMLESS = {"re.compile", "network.eval"}


def done(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """What a source does of all this, and in which line."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = name.rsplit(".", 1)[-1]
        if name not in HARMLESS:
            yield from ((what, node.lineno) for what, names in CALLS.items() if names & {name, last, _two(name)})
        for keyword in node.keywords:
            is_off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if keyword.arg in KEYWORDS and not is_off:
                yield KEYWORDS[keyword.arg], node.lineno


def _two(name: str) -> str:
    return ".".join(name.rsplit(".", 2)[-2:])


def test_no_source_does_what_it_may_not() -> None:
    found: dict[str, dict[str, list[int]]] = {what: {} for what in ALLOWED}
    for path in SOURCES:
        for what, line in done(ast.parse(path.read_text(encoding="utf-8"))):
            found[what].setdefault(path.relative_to(ROOT).as_posix(), []).append(line)
    for what, places in found.items():
        new = {place: lines for place, lines in places.items() if place not in ALLOWED[what]}
        assert not new, f"{what}: {new}"


def test_the_places_that_may_are_places_that_do() -> None:
    for what, places in ALLOWED.items():
        for place, why in places.items():
            assert why
            does = [w for w, _ in done(ast.parse((ROOT / place).read_text(encoding="utf-8")))]
            assert what in does, f"{place} no longer {what}: take it from the list"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("eval(text)", "runs text"),
        ("builtins.exec(text)", "runs text"),
        ("pickle.loads(data)", "unpickles"),
        ("torch.load(file)", "unpickles"),
        ("np.load(file, allow_pickle=True)", "unpickles"),
        ("st.markdown(text, unsafe_allow_html=True)", "unsafe HTML"),
        ("st.markdown(text, unsafe_allow_html=is_ours)", "unsafe HTML"),
        ("st.html(text)", "shows HTML"),
        ("st.components.v1.html(text)", "shows HTML"),
        ("open(name)", "opens a file"),
        ("(FOLDER / name).read_bytes()", "opens a file"),
        ("tarfile.open(fileobj=file).extractall()", "opens a file"),
        ("subprocess.run(text, shell=True)", "runs a program"),
        ("os.system(text)", "runs a program"),
    ],
)
def test_it_is_noticed(source: str, what: str) -> None:
    assert what in [found for found, _ in done(ast.parse(source))]


def test_what_is_harmless_is_not() -> None:
    assert not list(
        done(ast.parse("re.compile(x)\nst.markdown(x, unsafe_allow_html=False)\nnp.asarray(x)\nst.text(x)"))
    )


def test_strangers_names_in_html_are_escaped() -> None:
    """What makes HTML of names escapes them, whoever chose them."""
    names = ("<img src=x onerror=alert(1)>", "a&b", "'\"><b>")
    shares = {"before": torch.tensor([0.2, 0.3, 0.5]), "after": torch.tensor([0.5, 0.3, 0.2])}
    for html in (answer_bars(shares, names, 1, are_shares=True), confusion_table(np.eye(3, dtype=int), names)):
        assert "&lt;img" in html and "a&amp;b" in html, "they are there"
        assert "<img" not in html and "a&b" not in html and '"><b>' not in html
