"""The Coq theorems: what is said of them is true, and the check that compiles them turns red when it should."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from proofs import coq_theorems
from proofs.coq_theorems import SOURCES, Theorem, Verdict, theorems, verdicts

ROOT = Path(__file__).parents[2]
THEOREMS = theorems()


def judged(modules=(), sources=SOURCES) -> dict[str, Verdict]:
    """The verdicts by name. Coq is optional everywhere: without it a test skips, under REFSEQ_REQUIRE_ALL too."""
    if reason := coq_theorems.missing():
        pytest.skip(reason)
    try:
        found = verdicts(modules, sources=sources)
    except RuntimeError as error:
        if "skipped:" in str(error):
            pytest.skip(str(error))
        raise
    return {verdict.theorem.name: verdict for verdict in found}


def test_names_are_unique():
    names = [theorem.name for theorem in THEOREMS]
    assert len(names) == len(set(names)) > 50


def test_every_file_is_in_the_project():
    listed = [line for line in (SOURCES / "_CoqProject").read_text().split() if line.endswith(".v")]
    assert sorted(listed) == sorted(path.name for path in SOURCES.glob("*.v"))


@pytest.mark.parametrize("theorem", THEOREMS, ids=lambda theorem: theorem.name)
def test_the_named_functions_exist(theorem: Theorem):
    assert theorem.functions or theorem.code.startswith(coq_theorems.MODEL_ONLY)
    for path, names in theorem.functions:
        source = (ROOT / path).read_text()
        for part in (part for name in names for part in name.split(".")):
            assert re.search(rf"\b(def|class) {part}\b|^{part} = ", source, re.MULTILINE), (path, part)


def test_the_table_of_the_docs_is_true():
    text = (ROOT / "docs" / "coq.md").read_text()
    assert coq_theorems.table() in text, "docs/coq.md: put in what `python -m proofs.coq_theorems` prints"
    files = list(SOURCES.glob("*.v"))
    lines = sum(len(path.read_text().splitlines()) for path in files)
    assert f"{len(THEOREMS)} theorems, {len(files)} files, {lines} lines" in text


def test_a_theorem_without_words_is_refused(tmp_path):
    (tmp_path / "_CoqProject").write_text("Bare.v\n")
    (tmp_path / "Bare.v").write_text("(** Words, but neither code nor scope. *)\nTheorem bare : True.\n")
    with pytest.raises(ValueError, match=r"Bare\.v:2: theorem bare"):
        theorems(tmp_path)


def test_some_files_are_proved():
    found = judged(["Sequence", "Clip", "Cells"])  # the last has definitions only
    assert {verdict.theorem.file for verdict in found.values()} == {"Sequence", "Clip"}
    for verdict in found.values():
        assert verdict.proved, verdict
        assert verdict.axioms == "none"
        assert verdict.seconds > 0


@pytest.mark.slow
def test_all_files_are_proved():
    found = judged()
    assert set(found) == {theorem.name for theorem in THEOREMS}
    for verdict in found.values():
        assert verdict.proved, verdict
        assert verdict.axioms == "none" or verdict.theorem.file == "Activations"


CHEATED = ("Section Forward.", "Variable cheat : False.\n\nSection Forward.")
PLANTS = {
    "wrong statement": ([("in (final, ys1 ++ ys2).", "in (final, ys2 ++ ys1).")], "does not compile"),
    "wrong definition": ([("total) := backward rest after", "total) := after")], "does not compile"),
    "no proof": ([("Proof. by rewrite stored_cat backward_cat. Qed.", "Proof. Admitted.")], "unproved"),
    "axiom": ([CHEATED, ("Proof. by rewrite stored_cat backward_cat. Qed.", "Proof. by case: cheat. Qed.")], "cheat"),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_error_turns_the_check_red(plant, tmp_path):
    changes, message = PLANTS[plant]
    copy = tmp_path / "coq"
    shutil.copytree(SOURCES, copy)
    text = (copy / "Sequence.v").read_text()
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (copy / "Sequence.v").write_text(text)
    red = [verdict for verdict in judged(["Sequence"], copy).values() if not verdict.proved]
    assert red
    assert all(message in verdict.message for verdict in red)


def test_a_file_outside_the_project_turns_the_check_red(tmp_path):
    copy = tmp_path / "coq"
    shutil.copytree(SOURCES, copy)
    (copy / "Forgotten.v").write_text("")
    found = judged(["Sequence"], copy)
    assert not any(verdict.proved for verdict in found.values())
    assert all("Forgotten.v is not in _CoqProject" in verdict.message for verdict in found.values())


def test_without_coq_the_check_says_what_to_install(tmp_path):
    for tool in ("bash", "dirname", "mktemp", "rm"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or pytest.skip(f"{tool} is not installed"))
    run = subprocess.run(
        [str(tmp_path / "bash"), str(SOURCES / "check")],
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == coq_theorems.MISSING
    assert run.stdout.startswith("skipped: Coq is not installed; apt-get install coq libcoq-mathcomp-algebra")


def test_wrong_usage_is_told():
    for arguments in (["--fast"], ["NoSuchFile"]):
        run = subprocess.run(["bash", str(SOURCES / "check"), *arguments], capture_output=True, text=True, check=False)
        assert run.returncode == 2
        assert arguments[0].lstrip("-") in run.stderr
