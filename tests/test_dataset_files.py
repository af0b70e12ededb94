"""Files of pictures, written here as their descriptions have them, whole, damaged and hostile."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnnviz import packed_bytes
from cnnviz.dataset_files import CLASSES, DatasetError, named, read_dataset
from cnnviz.packed_bytes import PackedBytes
from tests.fuzzing import examples

RAN: list[str] = []  # what a pickle did when it was read


def drawn(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def idx(values, kind=8):
    """The IDX format, number by number."""
    sizes = b"".join(struct.pack(">I", size) for size in values.shape)
    return struct.pack(">BBBB", 0, 0, kind, values.ndim) + sizes + bytes(values.flatten().tolist())


def cifar(pixels, labels):
    return np.concatenate(
        [np.asarray(labels, np.uint8).reshape(len(pixels), -1), pixels.reshape(len(pixels), -1)], 1
    ).tobytes()


def mnist(count=20, tests=8, side=4, classes=10):
    """The four files: names, bytes."""
    made = {}
    for seed, (word, number) in enumerate((("train", count), ("t10k", tests))):
        made[f"{word}-images-idx3-ubyte"] = drawn(number, side, side + 1, seed=seed)
        made[f"{word}-labels-idx1-ubyte"] = np.arange(number, dtype=np.uint8) % classes
    return made


def tar(members, kind=tarfile.USTAR_FORMAT):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def refused(match, *files, **options):
    with pytest.raises(DatasetError, match=match):
        read_dataset(files, **options)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_mnists_four_files(packed, backwards):
    made = mnist()
    files = [(name + ".gz", gzip.compress(idx(v))) if packed else (name, idx(v)) for name, v in made.items()]
    found = read_dataset(files[::-1] if backwards else files, title="MNIST", classes="digits")
    data = found.dataset
    assert (data.title, data.classes, data.shape, found.remarks) == ("MNIST", tuple("0123456789"), (1, 4, 5), ())
    for part, word in ((data.training, "train"), (data.held_out, "t10k")):
        assert np.array_equal(part.pixels[:, 0], made[f"{word}-images-idx3-ubyte"])
        assert np.array_equal(part.labels, made[f"{word}-labels-idx1-ubyte"])
        assert part.pixels.dtype == np.uint8 and part.labels.dtype == np.int64
    assert data.training.images(slice(2)).shape == (2, 1, 4, 5)


def test_without_test_files_every_fifth_is_held_out():
    images, labels = drawn(23, 3, 3), np.arange(23, dtype=np.uint8) % 7
    found = read_dataset([("images", idx(images)), ("labels", idx(labels))])
    data = found.dataset
    fifth = np.sort(np.argsort(labels, kind="stable")[4::5])
    assert np.array_equal(data.held_out.pixels[:, 0], images[fifth])
    assert np.array_equal(data.held_out.labels, labels[fifth])
    assert np.array_equal(data.training.pixels[:, 0], np.delete(images, fifth, 0))
    assert data.classes == tuple("0123456")
    assert found.remarks == (
        "No file has “t10k” or “test” in its name, so every fifth picture of a class is held out.",
    )


def test_those_kept_are_evenly_spaced_and_it_is_said():
    files = [(name, idx(values)) for name, values in mnist(50).items()]
    found = read_dataset(files, most=20)
    assert len(found.dataset.training) == 20 and len(found.dataset.held_out) == 8
    assert np.bincount(found.dataset.training.labels).tolist() == [2] * 10
    assert found.remarks == ("Kept are 20 of 50 pictures to learn from, evenly spaced in each class.",)
    few = read_dataset(files, most_bytes=300)  # of 20 each
    assert (
        found.remarks
        != few.remarks
        == ("Kept are 12 of 50 pictures to learn from and 3 of 8 pictures held out, evenly spaced in each class.",)
    )
    assert sum(part.pixels.nbytes for part in (few.dataset.training, few.dataset.held_out)) == 300


@examples(20)
@given(st.lists(st.integers(0, 9), min_size=60, max_size=200), st.sampled_from(["drawn", "in turn", "sorted"]))
def test_no_class_is_lost(labels, order):
    """Each keeps its share, to a picture, in whatever order they come; and of what is kept a fifth is held out."""
    labels = np.sort(labels) if order == "sorted" else np.arange(len(labels)) % 5 if order == "in turn" else labels
    labels = np.array(labels, np.uint8)
    pictures = np.arange(len(labels), dtype=np.uint8)[:, None, None].repeat(2, 1)
    found = read_dataset([("images", idx(pictures)), ("labels", idx(labels))], most=50).dataset
    parts = found.training, found.held_out
    numbers = np.concatenate([part.pixels[:, 0, 0, 0] for part in parts])
    kept = np.concatenate([part.labels for part in parts])
    assert np.array_equal(labels[numbers], kept) and len(set(numbers.tolist())) == len(numbers) == 50
    of_each, kept_of_each, held_out = (np.bincount(some, minlength=10) for some in (labels, kept, parts[1].labels))
    assert (abs(kept_of_each - of_each * 50 / len(labels)) < 1).all()
    assert (abs(held_out - kept_of_each / 5) < 1).all()
    assert len(found.classes) == max(2, labels.max() + 1)


def test_emnists_pictures_are_turned_over():
    files = [(name, idx(values)) for name, values in mnist().items()]
    plain, turned = (read_dataset(files, transposed=turn).dataset for turn in (False, True))
    assert turned.shape == (1, 5, 4)
    assert np.array_equal(turned.training.pixels, plain.training.pixels.swapaxes(2, 3))
    assert np.array_equal(turned.held_out.labels, plain.held_out.labels)


CIFAR = {f"data_batch_{n}.bin": (drawn(6, 3, 32, 32, seed=n), np.arange(6) + n % 4) for n in (1, 2)}
CIFAR["test_batch.bin"] = drawn(5, 3, 32, 32, seed=9), np.arange(5) + 5


def check_cifar(found):
    pixels, labels = (np.concatenate([CIFAR[f"data_batch_{n}.bin"][i] for n in (1, 2)]) for i in (0, 1))
    data = found.dataset
    assert np.array_equal(data.training.pixels, pixels) and np.array_equal(data.training.labels, labels)
    assert np.array_equal(data.held_out.pixels, CIFAR["test_batch.bin"][0])
    assert data.classes[3] == "cat" and data.shape == (3, 32, 32) and found.remarks == ()


def test_cifar_as_files_and_as_the_archive():
    files = {name: cifar(*both) for name, both in CIFAR.items()}
    check_cifar(read_dataset(files.items(), classes="cifar-10"))
    inside = {f"cifar-10-batches-bin/{name}": data for name, data in files.items()} | {
        "a/batches.meta.txt": b"airplane\n"
    }
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        check_cifar(read_dataset([("cifar-10-binary.tar.gz", gzip.compress(tar(inside, kind)))], classes="cifar-10"))
    check_cifar(read_dataset([("x", tar(inside))], classes="cifar-10"))
    few = read_dataset([("x", tar(inside))], most=10)
    assert few.remarks == ("Kept are 10 of 12 pictures to learn from, evenly spaced in each class.",)
    pixels = np.concatenate([CIFAR[f"data_batch_{n}.bin"][0] for n in (1, 2)])
    labels = np.concatenate([CIFAR[f"data_batch_{n}.bin"][1] for n in (1, 2)])
    kept = np.sort(np.argsort(labels, kind="stable")[np.arange(10) * 12 // 10])
    assert np.array_equal(few.dataset.training.pixels, pixels[kept])
    assert np.array_equal(few.dataset.training.labels, labels[kept])


def test_cifar_100_gives_its_finer_labels():
    pixels, labels = drawn(10, 3, 32, 32), np.stack([np.arange(10), np.arange(10) * 11], 1)
    data = read_dataset([("train.bin", cifar(pixels, labels))]).dataset
    assert np.array_equal(data.training.pixels, np.delete(pixels, [4, 9], 0))
    assert data.held_out.labels.tolist() == [44, 99] and len(data.classes) == 100


def test_names_are_given_later_too():
    files = [(name, idx(values)) for name, values in mnist().items()]
    numbered = read_dataset(files).dataset
    fashion = named(numbered, "fashion")
    assert fashion.classes == CLASSES["fashion"] and fashion.training is numbered.training
    assert named(numbered, "numbers").classes == numbered.classes == tuple("0123456789")
    many = read_dataset([("train.bin", cifar(drawn(10, 3, 32, 32), [[0, 40]] * 10))]).dataset
    with pytest.raises(DatasetError, match="a label 40, and 10 names"):
        named(many, "digits")


def test_a_cifar_file_may_begin_like_idx():
    pixels = drawn(6, 3, 32, 32)
    pixels[0, 0, 0, :3] = 0, 8, 3
    assert len(read_dataset([("data_batch_1.bin", cifar(pixels, np.arange(6) % 3))]).dataset.training) == 5


def run():
    RAN.append("it ran")


class Harmful:
    def __reduce__(self):
        return run, ()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_never_read(protocol):
    data = {b"data": drawn(2, 3072), b"labels": [1, 2]}
    for content in (data, [data, Harmful()], Harmful(), {b"x": Harmful()}):
        raw = pickle.dumps(content, protocol)
        files = [
            raw,
            gzip.compress(raw),
            gzip.compress(tar({"cifar-10-batches-py/data_batch_1": raw})),
            tar({"a.bin": raw}),
        ]
        for file in files:
            refused("binary" if protocol >= 2 else ".", ("data_batch_1", file))
        if protocol >= 2:
            refused(r"holds a pickle, which can run code .* cifar-10-binary.tar.gz", ("data_batch_1", raw))
    assert RAN == []
    pickle.loads(pickle.dumps(Harmful(), protocol))  # it would have run
    assert RAN.pop() == "it ran"


def peak(call):
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_gzip_bombs_take_no_memory(monkeypatch):
    """60 MB in 60 kB, where 40 are read: as pictures, as records, as an archive's entries."""
    monkeypatch.setattr(packed_bytes, "MAX_UNPACKED", 40_000_000)
    zeros = bytes(60_000_000)
    pictures = struct.pack(">BBBBIII", 0, 0, 8, 3, 75_000, 28, 28)
    entry = bytearray(tar({"cifar/other.txt": b"x"})[:512])
    entry[124:136] = b"%011o\0" % len(zeros)
    records = bytes(entry).replace(b"other.txt", b"batch.bin")
    for head, kept in ((pictures, 100 * 784), (b"\x01", 100 * 3074), (bytes(entry), 0), (records, 100 * 3074)):
        packed = gzip.compress(head + zeros, 1)
        assert len(packed) < 1_000_000
        took = peak(lambda packed=packed: refused(r"more than 40 MB", ("images.gz", packed), most=100))
        assert took < 2 * kept + 1_000_000
    many = struct.pack(">BBBBIII", 0, 0, 8, 3, 5_000_000, 1, 1) + bytes(5_000_000)
    assert peak(lambda: refused("5,000,000 records; up to 1,000,000", ("a", gzip.compress(many, 1)))) < 1_000_000
    promised = struct.pack(">BBBBIII", 0, 0, 8, 3, 2_000_000, 9, 9)
    assert peak(lambda: refused("2,000,000 pictures are", ("a", promised))) < 1_000_000


def test_a_file_is_read_in_parts_as_at_once():
    content = drawn(1, 300_000).tobytes() + bytes(100_000)
    for data in (content, gzip.compress(content)):
        file = PackedBytes(data, "x")
        assert file.peek(10) == content[:10] and file.peek(5) == content[:5] and file.peek(700) == content[:700]
        assert file.read(3) == content[:3] and file.skip(200_000) == 200_000
        assert file.read(10**9) == content[200_003:]
        assert file.read(5) == b"" and file.skip(5) == 0


def test_what_is_wrong_is_said_with_its_sizes():
    images, labels = idx(drawn(6, 4, 4)), idx(np.arange(6, dtype=np.uint8))
    good = ("labels", labels)
    refused("There are no files", *())
    refused("images is empty", ("images", b""), good)
    refused(r"images is cut off: 6 pictures are 96 bytes, and there are 95", ("images", images[:-1]), good)
    refused(r"images goes on after its 6 pictures", ("images", images + b"\0"), good)
    refused(r"ends after 6 bytes, before it has told its sizes", ("images", images[:6]), good)
    refused(r"images holds 6 pictures, labels 5 labels", ("images", images), ("labels", idx(np.zeros(5, np.uint8))))
    refused(r"images holds pictures without labels", ("images", images))
    refused(r"only labels, in labels", good)
    refused(r"There are no pictures to learn from", ("t10k-images", images), ("t10k-labels", labels))
    refused(r"not clear which labels belong to which pictures to learn from", ("a", images), ("b", images), good)
    refused(r"not clear", ("a", images), ("b", labels), good)
    refused(r"pictures of 200×1; each side may be 1 to 128", ("images", idx(drawn(1, 200, 1))), good)
    refused(r"pictures of 0×4", ("images", idx(drawn(3, 0, 4))), good)
    refused(r"holds no pictures", ("images", idx(drawn(0, 4, 4))), good)
    refused(r"begins with 00 00 08 02; an IDX file begins with 00 00 08 03", ("images", idx(drawn(6, 4))), good)
    refused(r"holds floats; pictures and labels are bytes", ("images", idx(drawn(6, 4, 4), kind=13)), good)
    refused(r"is no IDX file .* and with 112 bytes no file of CIFAR", ("images", b"\7" + images[1:]), good)
    refused(r"3×3.*|those held out 1×5×4", ("a", images), good, ("test-a", idx(drawn(6, 5, 4))), ("test-b", labels))
    refused(r"too few: every fifth is held out", ("a", idx(drawn(3, 4, 4))), ("b", idx(np.zeros(3, np.uint8))))
    refused(r"a label 5, and 5 names|There is a label 12, and 10 names of classes \(digits\)",
            ("a", images), ("b", idx(np.full(6, 12, np.uint8))), classes="digits")  # fmt: skip
    refused(r"named by numbers, digits", ("a", images), classes="letters")
    refused(r"From 10 to 20,000", ("a", images), good, most=3)
    refused(r"There are 17 files; at most 16", *[good] * 17)
    refused(r"record 2 has the label 10; CIFAR-10 has 0 to 9", ("x.bin", cifar(drawn(4, 3072), [1, 2, 10, 3])))
    refused(r"with 3,100 bytes no file of CIFAR", ("x.bin", bytes(3100)))
    refused(r"its gzip data are incomplete", ("a.gz", gzip.compress(images)[:-9]), good)
    refused(r"its gzip data cannot be unpacked", ("a.gz", gzip.compress(images)[:-8] + bytes(8)), good)
    refused(r"goes on after the end of its gzip data", ("a.gz", gzip.compress(images) + b"more"), good)
    refused(r"is packed twice", ("a.gz", gzip.compress(gzip.compress(images))), good)
    refused(r"a zip archive", ("a.npz", b"PK\x03\x04" + bytes(40)), good)
    refused(r"is a web page", ("a", b"<!doctype html>" + bytes(40)), good)
    refused(r"holds no files that end in .bin", ("a.tar", tar({"a.txt": b"hello"})))
    refused(r"b.bin holds no pictures", ("a.tar", tar({"b.bin": b""})))
    refused(r"one of its entries cannot be read|cut off", ("a.tar", tar({"b.bin": bytes(5000)})[:1000]))


def test_names_are_never_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records = cifar(drawn(5, 3072), range(5))
    for name in ("/etc/passwd", "../../x", "a\nb\0", "", "x" * 90):
        read_dataset([(name, records)])
        read_dataset([("x", tar({name.replace("\0", "").replace("\n", "") + ".bin": records}, tarfile.GNU_FORMAT))])
        refused(r"^.{0,200}$", (name, records[:-1]))
    assert list(tmp_path.iterdir()) == []


def test_a_script_may_give_paths(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(cifar(drawn(5, 3072), range(5)))
    assert len(read_dataset([("images", path)]).dataset.training) == 4


WHOLE = {
    "idx": idx(drawn(6, 4, 4)),
    "idx.gz": gzip.compress(idx(drawn(6, 4, 4))),
    "records": cifar(drawn(5, 3072), range(5)),
    "archive": tar({"a/data_batch_1.bin": cifar(drawn(5, 3072), range(5)), "b": b"text"}),
    "archive.gz": gzip.compress(tar({"a/test.bin": cifar(drawn(5, 3072), range(5))}, tarfile.PAX_FORMAT)),
}
edits = st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=4), st.booleans()), max_size=4)


@examples(120)
@given(st.sampled_from(sorted(WHOLE)), edits, st.integers(0, 20_000))
@example("idx", [(4, b"\xff\xff\xff\xff", True)], 20_000)
@example("archive", [(124, b"7777", True)], 20_000)
def test_damage_is_a_sentence_or_still_a_dataset(kind, changes, end):
    data = bytearray(WHOLE[kind])
    for at, some, over in changes:
        data[at : at + len(some) * over] = some
    labels = [("labels", idx(np.arange(6, dtype=np.uint8)))] if kind.startswith("idx") else []
    try:
        found = read_dataset([("file", bytes(data[:end])), *labels])
    except DatasetError as error:
        assert 10 < len(str(error)) < 300 and str(error).endswith(".")
    else:
        assert len(found.dataset.training) and len(found.dataset.held_out)


@examples(60)
@given(st.binary(max_size=700), st.booleans())
def test_any_bytes_are_a_sentence(data, packed):
    refused(r"\.$", ("file", gzip.compress(data) if packed else data))


def test_class_names_are_ten_where_labels_are():
    assert {name: len(names) for name, names in CLASSES.items()} == {
        "numbers": 0,
        "digits": 10,
        "fashion": 10,
        "cifar-10": 10,
    }
