"""python -m cuda_kernels in several processes: the same reports as in one."""

import pytest

from cuda_kernels import __main__ as command
from cuda_kernels.compilations import Selection, kernels

pytestmark = pytest.mark.usefixtures("compiler")


def test_processes_report_what_one_does():
    selection = Selection(True, "adam update")
    one, several = ({kernel.key: kernel for kernel in kernels(selection, jobs)} for jobs in (1, 2))
    assert sorted(one) == sorted(several) == [("adam update", "float32"), ("adam update", "float64")]
    for key, kernel in one.items():
        assert several[key].reports == kernel.reports
        assert several[key].skipped == kernel.skipped == ()


def test_no_processes(capsys):
    with pytest.raises(SystemExit) as left:
        command.main(["--jobs", "0"])
    assert left.value.code == 2
    assert "--jobs: expected at least 1, got 0" in capsys.readouterr().err
