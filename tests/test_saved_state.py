"""Files of arrays: what is cut short, damaged or foreign is refused; what loads is what was written."""

import io
import zipfile

import numpy as np
import pytest

from refseq import saved_state

ARRAYS = {
    "params/W": np.random.default_rng(1).normal(size=(2, 3)),
    "params/b": np.array([np.nan, -0.0, 5e-324, np.inf], np.float32),
    "file": np.array(7),
    "text": np.array("ä"),
    "none": np.zeros((0, 4)),
}


def same(a, b):
    return list(a) == list(b) and all(a[k].dtype == b[k].dtype and a[k].tobytes() == b[k].tobytes() for k in a)


def test_arrays_come_back_bit_for_bit(tmp_path):
    path = tmp_path / "s.npz"
    saved_state.write(path, ARRAYS)
    assert same(saved_state.read(path), ARRAYS)
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]
    with np.load(path, allow_pickle=False) as archive:  # an ordinary .npz
        assert set(archive.files) == {*saved_state.FRAME, *ARRAYS}


def test_every_prefix_is_refused(tmp_path):
    path = tmp_path / "s.npz"
    saved_state.write(path, ARRAYS)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"s.npz: expected a file of refseq training, got one cut short"):
            saved_state.read(path)


def test_a_flipped_bit_is_refused_or_harmless(tmp_path):
    """Of 8 bits of every third byte one: either ValueError, or (in a time stamp) the same arrays."""
    path = tmp_path / "s.npz"
    saved_state.write(path, ARRAYS)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 3):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        try:
            found = saved_state.read(path)
        except ValueError:
            refused += 1
        else:
            assert same(found, ARRAYS), place
    assert refused > len(whole) / 3 / 2


def foreign(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def an_array():
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


def a_zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("format.npy", "refseq training")
    return file.getvalue()


def pickled():
    file = io.BytesIO()
    np.savez(file, format=np.array("refseq training"), version=np.array(1), a=np.array([{}], object))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short or of another kind"),
        (b"hello", "cut short or of another kind"),
        (an_array(), "cut short or of another kind"),
        (foreign(a=np.ones(3)), r"got another \.npz"),
        (foreign(format=np.ones(3), version=np.array(1)), r"got another \.npz"),
        (foreign(format=np.array("refseq training"), version=np.array(2)), "expected version 1 .* got 2"),
        (foreign(format=np.array("refseq training")), "expected version 1 .* got None"),
        (foreign(format=np.array("refseq training"), version=np.array(1), a=np.ones(2)), "damaged"),
        (a_zip(), "got something else|another"),
        (pickled(), "got something else"),
    ],
)
def test_foreign_files(tmp_path, content, message):
    path = tmp_path / "s.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"s\.npz: .*({message})"):
        saved_state.read(path)


def test_objects_are_not_written(tmp_path):
    path = tmp_path / "s.npz"
    saved_state.write(path, ARRAYS)
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        saved_state.write(path, {"a": np.array([{}], object)})
    assert same(saved_state.read(path), ARRAYS)
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]


def test_a_link_keeps_pointing_at_its_file(tmp_path):
    (tmp_path / "deep").mkdir()
    link, path = tmp_path / "link.npz", tmp_path / "deep" / "s.npz"
    link.symlink_to(path)
    saved_state.write(link, ARRAYS)
    assert link.is_symlink()
    assert same(saved_state.read(path), ARRAYS)


def test_a_missing_folder_or_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        saved_state.write(tmp_path / "none" / "s.npz", ARRAYS)
    with pytest.raises(FileNotFoundError):
        saved_state.read(tmp_path / "s.npz")
