"""A program: onnx's node test cases of RNN, LSTM and GRU, pickled on stdout.

onnx collects cases while their modules are imported, into one list for all operators, once in a process; asking again
for another operator gives the first answer. So it is a program, which runs in a process of its own, and imports the
three modules alone: collecting from all of them takes seconds. It must not import refseq.
"""

import importlib
import pickle
import sys

OPERATORS = ("RNN", "LSTM", "GRU")


def collect() -> list[dict]:
    """Every case: name, op, rtol, atol, the model serialised, and its arrays by their names in the graph."""
    package = importlib.import_module("onnx.backend.test.case.node")
    for op in OPERATORS:
        importlib.import_module(f"{package.__name__}.{op.lower()}")
    return [
        {
            "name": case.name,
            "op": case.model.graph.node[0].op_type,
            "rtol": case.rtol,
            "atol": case.atol,
            "model": case.model.SerializeToString(),
            "inputs": dict(zip((value.name for value in case.model.graph.input), inputs, strict=True)),
            "outputs": dict(zip((value.name for value in case.model.graph.output), outputs, strict=True)),
        }
        for case in package._NodeTestCases
        for inputs, outputs in case.data_sets
    ]


if __name__ == "__main__":
    channel, sys.stdout = sys.stdout.buffer, sys.stderr  # nothing that onnx prints may come between
    pickle.dump(collect(), channel)
