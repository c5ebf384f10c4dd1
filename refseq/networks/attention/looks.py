"""The launches of a look at keys, for sizes, and those of its gradients.

Arrays by name: ``queries``, ``y``, ``weights`` and d... of these, of ``keys`` and of ``values`` are the caller's, (T,
R, n). Dense ones: ``own`` queries as they came, ``q`` after their matrix, those of ``refseq.networks.attention.keys``.
"""

from dataclasses import dataclass

from refseq.launches import GIVEN, KEPT, PASSING, RESULT, SCRATCH, WHOLE, Array, Launch, Part
from refseq.networks.attention import affine, rows, streaming, tokens
from refseq.networks.attention.keys import Keys
from refseq.networks.attention.matrices import ROWS, Arrays, gathered, scattered
from refseq.networks.attention.scores import ADDITIVE


@dataclass(frozen=True, eq=False)
class Looks:
    """Queries (Tq, R, D) that look at keys."""

    keys: Keys
    steps: int

    @property
    def common(self) -> Arrays:
        """Of both passes."""
        keys, width = self.keys, self.keys.wide(self.keys.features[0])
        whole = {"seen": (keys.rows, self.steps), "firsts": (keys.rows, self.steps), "q_counts": (keys.rows,)}
        arrays = {name: Array(shape, WHOLE) for name, shape in whole.items()}
        dense = {"q": keys.width, **({"own": width} if keys.of_queries else {})}
        if keys.streaming:
            dense |= {"totals": 2, "made": keys.value_width}
        else:
            dense["s"] = keys.wide(keys.steps)
        return keys.common | arrays | {n: Array((keys.rows, self.steps, size)) for n, size in dense.items()}

    def forward(self, role: str = RESULT) -> Part:
        """Queries dense, and after their matrix; outputs, which become of this role, and weights."""
        keys, steps, kit = self.keys, self.steps, self.keys.precision.kit
        (d, _, v), rows_, tk, width = keys.features, keys.rows, keys.wide(keys.steps), keys.width
        arrays = {"queries": Array((steps, rows_, d)), "y": Array((steps, rows_, v), role)}
        kept = ("q", "own", "s", "totals", "made")
        arrays |= {name: Array(array.shape, KEPT) for name, array in self.common.items() if name in kept}
        dense = "own" if keys.of_queries else "q"
        launches = [gathered(keys.precision, rows_, "queries", "q_counts", "firsts", dense, steps * d)]
        if keys.of_queries:
            launches.append(keys.of_queries.forward(rows_, "own", "q_counts", "q", steps))
        given, wide = ("q", "k", "v", "u", "sizes", "seen"), keys.value_width
        if keys.streaming:
            block = keys.block
            arrays |= {
                "p": Array((steps, block), SCRATCH),
                "room": Array((kit.room((width, block, block), (block, wide, wide)),), SCRATCH),
            }
            build, given, made = streaming.build_forward, (*given, "firsts", "tools"), ("y", "totals", "made")
            scratch, units = ("p", "room"), block
        else:
            arrays |= {
                "weights": Array((steps, rows_, keys.steps), RESULT),
                "room": Array((kit.room((width, tk, tk), (tk, wide, wide)),), SCRATCH),
                "made": Array((steps, wide), SCRATCH),
            }
            build, given, made = rows.build_forward, (*given, "places", "firsts", "tools"), ("y", "weights", "s")
            scratch, units = ("room", "made"), tk
        options, work = (keys.kind, *keys.precision.options), self._work
        launches.append(Launch(build, options, rows_, given, made, scratch, units, work, ROWS))
        return Part(launches, arrays | {n: a for n, a in self.common.items() if n not in arrays})

    @property
    def _work(self) -> int:
        return self.steps * self.keys.steps * (self.keys.width + self.keys.value_width)

    @property
    def sums(self) -> Arrays:
        """What looks add to."""
        keys = self.keys
        arrays = {f"d{name}": Array((keys.rows, keys.tall, keys.common[name].shape[2]), KEPT) for name in ("k", "v")}
        arrays["du"] = Array((keys.rows, 1, keys.width), KEPT)
        for matrix in (keys.of_queries, keys.of_keys):
            if matrix:
                arrays |= matrix.sums
        return arrays

    def clear(self) -> Part:
        """The sums become 0."""
        keys = self.keys
        launches = [matrix.clear() for matrix in (keys.of_queries, keys.of_keys) if matrix]
        launches += [
            Launch(tokens.build_clear, keys.precision.options, keys.rows, (), (name,), family=ROWS)
            for name in ("dk", "dv", "du")
        ]
        return Part(launches, self.sums)

    @property
    def _given_sums(self) -> Arrays:
        return {name: Array(array.shape, GIVEN, array.of) for name, array in self.sums.items()}

    def add(self, weighed: bool, role: str = RESULT) -> Part:
        """The gradient of the queries, which becomes of this role; those of all else are added to the sums."""
        keys, steps, kit = self.keys, self.steps, self.keys.precision.kit
        (d, _, v), rows_, tk, width = keys.features, keys.rows, keys.wide(keys.steps), keys.width
        wide, block, most = keys.value_width, keys.block, max(width, keys.value_width)
        arrays = {
            "dy": Array((steps, rows_, v)),
            "dy_dense": Array((rows_, steps, wide), PASSING),
            "dq": Array((rows_, steps, width), PASSING),
            "dqueries": Array((steps, rows_, d), role),
        }
        launches = [gathered(keys.precision, rows_, "dy", "q_counts", "firsts", "dy_dense", steps * v)]
        made, given = ("dq", "dk", "dv", "du"), ("q", "k", "v", "u", "sizes", "seen")
        options, scratch = keys.precision.options, ("g", "room")
        if keys.streaming:
            room = kit.room((most, block, block), (block, width, width), (steps, block, most))
            arrays |= {"p": Array((steps, block), SCRATCH), "g": Array((steps, block), SCRATCH)}
            build, given = streaming.build_backward, ("dy_dense", *given, "tools", "totals", "made")
            options, scratch, units = (keys.kind, *options), ("p", *scratch), block
        else:
            room = kit.room((wide, tk, tk), (tk, width, width), (steps, tk, most))
            arrays |= {"g": Array((steps, tk), SCRATCH), "dweights": Array((steps, rows_, keys.steps))}
            build, cotangents = rows.build_backward, "dweights" if weighed else "s"
            given, units = ("dy_dense", cotangents, *given, "places", "tools", "s"), tk
            options = (keys.kind, weighed, *options)
            if not weighed:
                del arrays["dweights"]
        arrays["room"] = Array((room,), SCRATCH)
        launches.append(Launch(build, options, rows_, given, made, scratch, units, 2 * self._work, ROWS))
        after: list[Launch] = []
        if keys.of_queries:
            back, more = keys.of_queries.backward(rows_, "dq", "q_counts", "firsts", "dqueries", steps)
            gradient, flat = keys.of_queries.gradient("own", "dq", rows_ * steps)
            arrays |= more | flat
            after += gradient
        else:
            back = scattered(keys.precision, rows_, "dq", "q_counts", "firsts", "dqueries", steps * d)
        arrays |= {n: a for n, a in (self.common | self._given_sums).items() if n not in arrays}
        return Part([*launches, back], arrays, after)

    def finish(self, role: str = RESULT) -> Part:
        """The gradients of keys and values, which become of this role, and of the parameters."""
        keys, precision, rows_, tk = self.keys, self.keys.precision, self.keys.rows, self.keys.steps
        _, e, v = keys.features
        arrays = {"dkeys": Array((tk, rows_, e), role), "dvalues": Array((tk, rows_, v), role)}
        launches, after, last = [scattered(precision, rows_, "dv", "k_counts", "places", "dvalues", tk * v)], [], []
        if keys.of_keys:
            back, more = keys.of_keys.backward(rows_, "dk", "k_counts", "places", "dkeys", tk)
            gradient, flat = keys.of_keys.gradient("raw", "dk", rows_ * keys.tall)
            arrays |= more | flat
            after += gradient
        else:
            back = scattered(precision, rows_, "dk", "k_counts", "places", "dkeys", tk * e)
        for matrix in (keys.of_queries, keys.of_keys):
            if matrix:
                launch, result = matrix.cut()
                arrays |= result
                last.append(launch)
        if keys.kind == ADDITIVE and keys.of_keys:
            units = keys.of_keys.units
            arrays["dscore"] = Array((1, 1, units), RESULT)
            last.append(Launch(affine.build_total, (), units, ("du",), ("dscore",), (), 1, rows_, "cut"))
        arrays |= {n: a for n, a in (keys.common | self._given_sums).items() if n not in arrays}
        return Part([*launches, back], arrays, [*after, *last])
