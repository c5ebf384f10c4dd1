"""benchmarks/experiments.py: experiments are recorded one at a time, and the table has all that are there."""

import json
import sys

import pytest

from benchmarks import experiments


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Run the command on these names; returns its status."""

    def command(*names: str) -> int:
        given = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
        monkeypatch.setattr(sys, "argv", ["experiments.py", *names, *given])
        return experiments.main()

    return command


def test_what_was_recorded_stays_in_the_table(recorded, tmp_path):
    assert recorded("lstm_by_hand") == 0
    assert recorded("power") == 0
    results = tmp_path / "results"
    assert {file.name for file in results.iterdir()} == {
        *("lstm_by_hand.json", "lstm_by_hand.png", "power.json", "power.png", "statements.md")
    }
    one = json.loads((results / "power.json").read_text())
    assert one["tasks"] == one["measured"] > 0
    assert str(tmp_path) not in json.dumps(one)
    page = (results / "statements.md").read_text()
    assert page.startswith("# 2 of ")
    for name in ("power", "lstm_by_hand"):
        told = json.loads((results / f"{name}.json").read_text())
        assert page.count(f"\n| {name} | ") == len(told["statements"]) > 0
        assert f"| [{name}]({name}.png) | {told['tasks']} | {told['seeds']} | " in page


def test_what_is_recorded_is_judged_anew_without_measuring(recorded, tmp_path):
    recorded("power")
    results = tmp_path / "results"
    before = {file.name: file.read_bytes() for file in results.iterdir()}
    told = json.loads(before["power.json"])
    told["statements"][0]["theory"] = "another"
    (results / "power.json").write_text(json.dumps(told))
    (results / "power.png").unlink()
    assert recorded("power", "--judge") == 0
    assert {file.name: file.read_bytes() for file in results.iterdir()} == before
    assert recorded("--judge") == 0
    told = json.loads(before["power.json"]) | {"seeds": 7}
    (results / "power.json").write_text(json.dumps(told))
    with pytest.raises(ValueError, match=r"power\.nc with the seeds that .*, 7; got 1"):
        recorded("power", "--judge")
    (tmp_path / "work" / "power.nc").unlink()
    with pytest.raises(FileNotFoundError, match=r"power\.nc"):
        recorded("power", "--judge")


def test_an_unknown_name(recorded, capsys):
    with pytest.raises(SystemExit):
        recorded("adding", "nothing")
    assert "got nothing" in capsys.readouterr().err
