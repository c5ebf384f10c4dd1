"""What the README says is true: its Python example runs, its commands and its table are there."""

import re
from pathlib import Path

import refseq

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_python_example_runs(capsys):
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("pass")


def test_both_commands_do_their_whole_setup():
    commands = re.findall(r"^(python3 -m venv .*)    # (main job|test)$", README, re.MULTILINE)
    assert [name for _, name in commands] == ["main job", "test"]
    assert all("pip install" in command for command, _ in commands)


def test_table_names_the_whole_catalogue():
    rows = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert rows == list(refseq.catalogue())


def test_files_it_links_to_exist():
    root = Path(__file__).parent.parent
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (root / target).exists(), target
