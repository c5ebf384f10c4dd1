"""Which cells ONNX has, and what a node's attributes say of its cell: read and written.

    RNN    activations f                    elman        activation
    LSTM   activations f, g, h              lstm         gate_activation, cell_activation, hidden_activation
           input P                          lstm_peephole(peephole="diagonal", output_sees="new")
           input_forget=1                   lstm_coupled; with P lstm_peephole_coupled
    GRU    linear_before_reset              gru          reset

The functions of one direction are those of the other. Affine with alpha 1 and beta 0, given and not by default, is the
identity: no operator Affine is left in ONNX to take a default from, and onnxruntime's default is alpha 0.
"""

from collections.abc import Mapping
from typing import Any

from refseq.cell import Cell
from refseq.cells import catalogue
from refseq.checks.implementation import NotOffered
from refseq.layer import Layer

ACTIVATIONS = {"tanh": "tanh", "relu": "relu", "sigmoid": "sigmoid", "affine": "identity"}
DEFAULTS = {"RNN": ("tanh",), "LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh")}
FUNCTIONS = {"elman": ("activation",), "lstm": ("gate_activation", "cell_activation", "hidden_activation")}
"""Options that activations set; the functions of other cells are those of DEFAULTS."""

OPERATORS = {
    "elman": "RNN",
    "lstm": "LSTM",
    "lstm_peephole": "LSTM",
    "lstm_coupled": "LSTM",
    "lstm_peephole_coupled": "LSTM",
    "gru": "GRU",
}
LSTMS = {
    (False, False): "lstm",
    (True, False): "lstm_peephole",
    (False, True): "lstm_coupled",
    (True, True): "lstm_peephole_coupled",
}
"""The LSTM by whether it has peepholes and whether its gates are coupled."""

PEEPHOLE = {"peephole": "diagonal", "output_sees": "new"}


def read(op: str, attributes: Mapping[str, Any], directions: int, peepholes: bool) -> tuple[str, dict[str, Any]]:
    """The recurrence of a node and its options. Raises NotOffered if refseq has none."""
    if "clip" in attributes:
        bound = attributes["clip"]
        raise NotOffered(f"refseq's clip bounds the memory, the node's clip={bound} the inputs of all activations")
    functions = _functions(op, attributes, directions)
    if op == "RNN":
        name, options = "elman", {}
    elif op == "GRU":
        name, options = "gru", {"reset": "after" if attributes.get("linear_before_reset") else "before"}
    else:
        name, options = LSTMS[peepholes, bool(attributes.get("input_forget"))], PEEPHOLE if peepholes else {}
    if name not in FUNCTIONS and functions != DEFAULTS[op]:
        raise NotOffered(f"refseq's {name} has the activations {DEFAULTS[op]}, the node has {functions}")
    return name, {**options, **dict(zip(FUNCTIONS.get(name, ()), functions, strict=False))}


def _functions(op: str, attributes: Mapping[str, Any], directions: int) -> tuple[str, ...]:
    """The activations of a direction, by refseq's names."""
    given = [name.lower() for name in attributes.get("activations", [])]
    if not given:
        return DEFAULTS[op]
    alpha, beta = attributes.get("activation_alpha", []), attributes.get("activation_beta", [])
    count, affine = len(DEFAULTS[op]), given.count("affine")
    complete = len(given) == count * directions and given == given[:count] * directions
    identity = len(alpha) >= affine and all(a == 1 for a in alpha) and all(b == 0 for b in beta)
    if not complete or not ACTIVATIONS.keys() >= set(given) or (affine and not identity):
        raise NotOffered(f"refseq has no {op} with the activations {given}, alpha {alpha}, beta {beta}")
    return tuple(ACTIVATIONS[name] for name in given[:count])


def write(layer: Layer) -> dict[str, Any]:
    """The attributes of the nodes of a layer. Raises NotOffered as ``operator`` does."""
    op, directions, options = operator(layer), layer.directions, layer.cell.options
    result: dict[str, Any] = {"hidden_size": layer.units}
    result["direction"] = "bidirectional" if layer.bidirectional else "forward"
    if op == "GRU":
        result["linear_before_reset"] = int(options["reset"] == "after")
    if layer.cell.name.endswith("coupled"):
        result["input_forget"] = 1
    names = FUNCTIONS.get(layer.cell.name, ())
    functions = tuple(str(options.get(name, default)) for name, default in zip(names, DEFAULTS[op], strict=False))
    if names and (op == "RNN" or functions != DEFAULTS[op]):
        theirs = {ours: name.capitalize() for name, ours in ACTIVATIONS.items()}
        result["activations"] = [theirs[name] for name in functions] * directions
        affine = functions.count("identity") * directions
        if affine:
            result |= {"activation_alpha": [1.0] * affine, "activation_beta": [0.0] * affine}
    return result


def operator(layer: Layer) -> str:
    """The ONNX operator of a layer's cell. Raises NotOffered if there is none."""
    cell = layer.cell
    if "clip" in cell.constants:
        raise NotOffered(f"ONNX's clip bounds the inputs of all activations, that of {cell.label} the memory")
    if cell.name not in OPERATORS or cell is not _onnx_form(cell):
        has = [f"{name}(peephole=diagonal, output_sees=new)" if "peephole" in name else name for name in OPERATORS]
        raise NotOffered(f"ONNX has no {cell.label}; it has {', '.join(has)}")
    return OPERATORS[cell.name]


def _onnx_form(cell: Cell) -> Cell:
    """The catalogue's cell of this name with those of its options that ONNX has."""
    names = (*FUNCTIONS.get(cell.name, ()), *(["reset"] if cell.name == "gru" else []))
    options = {name: cell.options[name] for name in names if name in cell.options}
    return catalogue()[cell.name].cell(**options, **(PEEPHOLE if "peephole" in cell.name else {}))
