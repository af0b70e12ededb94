"""README and docs say what is true: the files they name exist, the commands they promise are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from cnnviz.ui.settings import LAB

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = [README, *sorted((ROOT / "docs").glob("*.md"))]
MADE_OF = {"streamlit", "torch", "numpy", "pillow", "plotly"}
FOLDERS = ("cnnviz", "pages", "tests", "bench", "deploy", "docs", "assets", ".ci", ".streamlit")
SUFFIXES = "py|js|css|md|toml|txt|sh|png|jpg|gif|yml|yaml|json|ipynb"
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def named_files(text: str) -> set[str]:
    """Whatever stands as code and looks like a file or folder of ours, and where links and pictures lead."""
    code = [*re.findall(r"`([^`\n]+)`", FENCE.sub("", text)), *_tree(text)]
    files = {word for word in code if re.fullmatch(rf"[\w./*-]+\.({SUFFIXES})|[\w.-]+(/[\w.*-]+)*/", word)}
    files |= {word for word in code if re.fullmatch(rf"({'|'.join(map(re.escape, FOLDERS))})(/[\w.*-]+)+", word)}
    links = re.findall(r"\]\(([^)\s]+)", text)
    return files | {link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)}


def _tree(text: str) -> list[str]:
    """Files and folders named in a drawing of the house."""
    drawings = [block for block in FENCE.findall(text) if re.search(r"^(cnnviz|app\.py)", block, re.MULTILINE)]
    return [word for block in drawings for word in re.findall(rf"[\w./-]+\.(?:{SUFFIXES})\b|[\w-]+/(?=\s)", block)]


def exists(name: str, document: Path) -> bool:
    """From the root, from the document's folder, or, if no folder is named, anywhere in ours."""
    places = [ROOT, document.parent]
    if any(list(place.glob(name.rstrip("/"))) for place in places):
        return True
    last = name.rstrip("/")
    own = [ROOT / folder for folder in FOLDERS]
    return any(list(folder.rglob(last)) for folder in own) and ("/" not in last or last.count("/") <= 2)


def test_the_documents_are_there() -> None:
    assert README in DOCS
    assert ROOT / "docs" / "architecture.md" in DOCS


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_file_that_is_named_exists(document: Path) -> None:
    names = named_files(text_of(document))
    assert names, "a document without a file in it"
    assert {name for name in names if not exists(name, document)} == set()


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", text_of(document))) <= targets


def test_the_modules_in_the_drawing_exist() -> None:
    (drawing,) = [block for block in FENCE.findall(text_of(ROOT / "docs" / "architecture.md")) if "app.py" in block]
    library = drawing.split("cnnviz/", 1)[1].split("ui/", 1)[0]
    stems = {line[2:].split("   ")[0].strip() for line in library.splitlines()[1:] if line.strip()}
    modules = {word for names in stems for word in names.split()}
    missing = {name for name in modules if not (ROOT / "cnnviz" / f"{name.removesuffix('.py')}.py").exists()}
    assert missing == set()


def commands() -> list[str]:
    lines = [line.strip().removeprefix("$ ") for block in FENCE.findall(text_of(README)) for line in block.splitlines()]
    return [line.split("#")[0].strip() for line in lines if line]


def test_the_first_two_commands() -> None:
    assert commands()[:2] == ["make run", "make test"]
    makefile = text_of(ROOT / "Makefile")
    assert re.search(r"^run:", makefile, re.MULTILINE)
    assert re.search(r"^test:", makefile, re.MULTILINE)


def test_a_sentence_then_a_real_screenshot_then_the_commands() -> None:
    text = text_of(README)
    paragraphs = [part for part in text.split("\n\n") if part.strip()]
    assert paragraphs[0].startswith("# ")
    assert re.fullmatch(r"[^#!`|].*\.", paragraphs[1].strip(), re.DOTALL)
    picture = re.search(r"!\[([^\]]+)\]\(([^)]+)\)", text)
    assert picture, "a picture with words for those who cannot see it"
    assert len(picture[1]) > 20
    assert picture.start() < text.index("make run")
    with Image.open(ROOT / picture[2]) as image:
        assert image.width >= 1000
        assert image.height >= 500
        assert len(image.convert("RGB").resize((200, 100)).getcolors(20_000) or []) > 500, "not an empty screen"


def test_each_package_earns_its_line() -> None:
    # Without its comment, and without the marker of where a package is wanted.
    lines = [re.split("[#;]", line)[0].strip() for line in text_of(ROOT / "requirements.txt").splitlines()]
    pinned = [re.fullmatch(r"([a-zA-Z0-9_.\[\]-]+)==[\w.+]+", line) for line in lines if line]
    assert all(pinned), "versions that were run"
    names = {found[1].lower() for found in pinned if found}
    assert names >= MADE_OF
    said = text_of(README).splitlines()
    for name in names - MADE_OF:
        assert any(re.match(rf"[-*|] *`?{re.escape(name)}`?\b.{{20,}}", line) for line in said), name


def test_the_public_contract_is_documented() -> None:
    text = text_of(README)
    for setting in LAB:
        assert f"`{setting.name}`" in text, "every name that an address may hold"
    for word in ("data-stage", "data-shape", "data-drawn", "/_stcore/health", "python -m cnnviz", "load_image"):
        assert word in text
    for function in ("conv2d", "depthwise_separable_conv2d", "conv_transpose2d", "activate", "pool2d"):
        assert f"{function}(" in text


def test_the_defaults_in_the_table_are_those_of_the_settings() -> None:
    defaults = {setting.name: setting.default for setting in LAB}
    rows = re.findall(r"^\|(.+)\|(.+)\|(.+)\|$", text_of(README), re.MULTILINE)
    told = {name: row[2].strip() for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    for name, default in told.items():
        if name in defaults and default.startswith("`"):
            assert default == f"`{defaults[name]}`", name
    assert len(told.keys() & defaults.keys()) >= 15


def test_no_document_names_a_path_of_one_machine() -> None:
    for document in DOCS:
        assert not re.search(r"(?<![\w.])/(?:home|root|Users|tmp|work)/", text_of(document)), document.name
