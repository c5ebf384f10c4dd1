"""A plan, measured in this process: events as dicts, so that they can go through a pipe.

title         what is being done
library       its version, and how its threads are set
measurement   of one library on one case: status timed, not offered, refused (its results are wrong) or failed
ceiling       the rates of the machine so far
"""

from collections.abc import Callable, Iterator
from typing import Any

from refseq.bench import memory
from refseq.bench.cases import Case
from refseq.bench.ceiling import Ceiling, torch_work
from refseq.bench.clock import interleaved
from refseq.bench.judge import Judgement, judged
from refseq.bench.libraries import LIBRARIES, Library, Pass, Users
from refseq.bench.plans import Plan
from refseq.bench.spread import summary
from refseq.checks.implementation import NotOffered

TIMED, NOT_OFFERED, REFUSED, FAILED = "timed", "not offered", "refused", "failed"
Load = Callable[[str], Any]
Event = dict[str, Any]


def measure(plan: Plan, load: Load, ceiling: Callable[..., Ceiling] = Ceiling) -> Iterator[Event]:
    """Measure a plan. ``load`` finds the user's own object by its name."""
    libraries = {name: LIBRARIES[name] if name in LIBRARIES else Users(name, load(name)) for name in plan.libraries}
    if plan.memory:
        yield from _memory(plan, libraries)
        return
    for name, library in libraries.items():
        yield {"event": "library", "name": name, "version": library.version(), "threads": library.use(plan.threads)}
    top = ceiling(sorted({case.dtype for case in plan.cases}), plan.threads)
    top.measure()  # the first is a warm-up that the maximum forgets
    between = torch_work() if plan.timing.hostile else _nothing
    for case in plan.cases:
        top.measure(case.dtype)
        yield {"event": "ceiling", **top.to_dict()}
        yield from _case(plan, case, libraries, between)
    top.measure()
    yield {"event": "ceiling", **top.to_dict()}


def _case(plan: Plan, case: Case, libraries: dict[str, Library], between: Callable[[], Any]) -> Iterator[Event]:
    yield {"event": "title", "title": f"{case.key}: checked"}
    inputs = case.inputs()
    truth = case.truth(inputs)
    ready: dict[str, dict[str, Pass]] = {}
    passed: dict[str, Judgement] = {}
    for name, library in libraries.items():
        try:
            passes = dict(library.prepare(case, inputs))
            found = judged(case, {key: one.read(one.call()) for key, one in passes.items()}, truth)
        except NotOffered as refusal:
            yield _event(plan, case, name, NOT_OFFERED, reason=str(refusal))
        except Exception as error:  # noqa: BLE001 - other people's code; the table says what it raised
            yield _event(plan, case, name, FAILED, reason=f"{type(error).__name__}: {error}")
        else:
            if found.trouble:
                yield _event(plan, case, name, REFUSED, found, reason=found.trouble)
            else:
                ready[name], passed[name] = passes, found
    del truth
    yield {"event": "title", "title": f"{case.key}: timed"}
    turns = {name: {key: one.call for key, one in passes.items()} for name, passes in ready.items()}
    for name, samples in interleaved(turns, plan.timing, between).items():
        times = {key: summary(seconds) for key, seconds in samples.items()}
        yield _event(plan, case, name, TIMED, passed[name], passes=times)


def _event(plan: Plan, case: Case, library: str, status: str, found: Judgement | None = None, **more: Any) -> Event:
    judgement = {} if found is None else {"worst": found.tensor, "error": found.error, "limit": found.limit}
    return {
        "event": "measurement",
        "library": library,
        "case": case.to_dict(),
        "key": case.key,
        "label": case.label,
        "size": case.size,
        "curve": plan.curve,
        "hostile": plan.timing.hostile,
        "threads": plan.threads,
        "flops": {passed: case.flops(passed) for passed in case.passes},
        "bytes": {passed: case.traffic(passed) for passed in case.passes},
        "status": status,
        **judgement,
        **more,
    }


def _memory(plan: Plan, libraries: dict[str, Library]) -> Iterator[Event]:
    ((name, library),), (case,) = libraries.items(), plan.cases
    yield {"event": "title", "title": f"{case.key}: memory of {name}"}
    try:
        needed = memory.peak(library, case, plan.memory, plan.threads)
    except NotOffered:
        needed = None
    if needed is not None:
        yield {"event": "memory", "library": name, "key": case.key, "pass": plan.memory, "bytes": needed}


def _nothing() -> None:
    pass
