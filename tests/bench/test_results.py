"""Files of results: written, read, refused; two of them compared; curves and pictures."""

import json
import math

import pytest

from refseq.bench import pictures, results
from refseq.bench.compare import compare
from refseq.bench.curves import lines
from refseq.bench.results import Results, best, read
from tests.bench.small import document, timed
from tests.conftest import framework


def made(**changes):
    content = document(**changes)
    del content["schema"]
    return Results(**content)


def test_a_file_is_read_as_it_was_written(tmp_path):
    file = tmp_path / "old.json"
    file.write_text(json.dumps(made().to_dict()))
    assert read(file) == made()
    assert json.loads(file.read_text()) == document()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "expected JSON of refseq bench, got Expecting"),
        ("[]", "which has a schema; got none"),
        ('{"date": 1}', "which has a schema; got none"),
        ('{"schema": 2}', "expected schema 1, got 2"),
        ('{"schema": 1, "date": "2026-01-01"}', "missing"),
        ('{"schema": 1, "colour": "red"}', "colour"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, text, words):
    file = tmp_path / "old.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=words):
        read(file)


def test_events_are_collected():
    found = made(measurements=[], libraries={}, ceilings={})
    found.add({"event": "title", "title": "x"}, 2)
    found.add({"event": "library", "name": "torch", "version": "2", "threads": "all"}, 2)
    found.add({"event": "library", "name": "jax", "version": "2", "threads": "one"}, 1)  # of a curve of threads
    found.add({"event": "memory", "library": "torch", "key": "k", "pass": "both", "bytes": 7}, 2)
    found.add({"event": "measurement", **timed("torch", 1e-3)}, 2)
    assert found.libraries == {"torch": {"version": "2", "threads": "all"}}
    assert found.measurements == [timed("torch", 1e-3)]
    assert (found.needed("torch", "k"), found.needed("jax", "k")) == (7, None)
    assert math.isnan(found.peak(2, "float32"))


def test_of_two_ceilings_the_better_is_kept():
    def rates(single, memory, dtype="float32"):
        return {"gemm": {dtype: {"gflops": single}}, "memory": {"bytes_per_second": memory}}

    assert best(rates(2, 5), rates(3, 4)) == {"gemm": {"float32": {"gflops": 3}}, "memory": {"bytes_per_second": 5}}
    assert set(best(rates(2, 5), rates(1, 1, "float64"))["gemm"]) == {"float32", "float64"}


def test_two_files_by_hand():
    old = made()
    new = made(measurements=[timed("refseq", 1.5e-3), timed("torch", 1e-3), timed("jax", 1.0)], threads=1)
    found = compare(old, new)
    verdicts = {(change.library, change.passed): change.verdict for change in found.changes}
    assert verdicts == {
        ("refseq", "forward"): "slower",
        ("refseq", "both"): "slower",
        ("torch", "forward"): "faster",
        ("torch", "both"): "faster",
    }
    assert (found.only_old, found.only_new, found.others) == (0, 2, 0.5)
    assert found.worse
    assert [change.factor for change in found.of("slower")] == [1.5, 1.5]
    assert found.differences == ("threads: 2 before, 1 now",)
    assert not compare(old, old).worse
    assert not compare(new, old).worse


def test_what_times_depend_on_is_compared():
    new = made(
        environment={"processor": "b", "cores": 2, "python": "3.11"},
        libraries={"torch": {"version": "2", "threads": "2"}},
        measurements=[],
    )
    found = compare(made(), new)
    assert found.differences == ("processor: a before, b now", "torch: version 1 before, 2 now")
    assert (found.changes, found.only_old) == ((), 4)
    assert math.isnan(found.others)


def curves(growth):
    sizes = (16, 32, 64, 128)
    along_t = [timed("refseq", 1e-3 * size**growth, "T", size) for size in sizes]
    return made(measurements=[*along_t, *(timed("torch", 1e-3 / n, "threads", 3, n) for n in (1, 2))])


def test_curves_have_exponents():
    first, second = lines(curves(1), "both")
    assert (first.curve, first.library, first.sizes) == ("T", "refseq", (16, 32, 64, 128))
    assert first.case == "elman(activation=tanh) float32"
    assert first.exponent == pytest.approx(1)
    assert first.linear() == pytest.approx(1)
    assert (second.curve, second.sizes) == ("threads", (1, 2))
    assert second.exponent == pytest.approx(-1)
    assert lines(curves(2), "both")[0].exponent == pytest.approx(2)
    assert lines(curves(2), "both")[0].linear() == pytest.approx(2)
    assert lines(made(), "both") == []


def test_pictures_are_drawn(tmp_path):
    framework("matplotlib")
    everything = curves(1)
    everything.measurements += made().measurements
    written = pictures.draw(everything, tmp_path)
    assert sorted(file.name for file in written) == [
        "roofline-float32.png",
        "roofline-float32.svg",
        "scaling.png",
        "scaling.svg",
    ]
    assert all(file.stat().st_size > 1000 for file in written)


def test_the_schema_is_a_number_that_a_reader_checks():
    assert made().to_dict()["schema"] == results.SCHEMA == 1
