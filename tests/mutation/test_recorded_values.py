"""What the gate records of a recurrent layer is what the textbook says, so that a mutant that differs from the recorded
values differs from the textbook."""

import numpy as np
import pytest
from flint import arb

from refseq.arrays import lift
from refseq.checks.tensors import forward_tensors
from refseq.fields.ball import precision
from refseq.mutation import networks
from refseq.mutation.oracles import BITS, record
from tests.cells import textbook_layers
from tests.interpreted import agree

CHAINS = networks.CHAINS + [(name.split(" ")[0], dict(make.args[1])) for name, make in networks.options().items()]


@pytest.mark.parametrize(("name", "options"), CHAINS, ids=[networks.words(*chain) for chain in CHAINS])
def test_recorded_values_are_the_textbooks(name, options):
    network = networks.chain(name, options)
    layer, rest = network.layer, {key: value for key, value in options.items() if key != "checkpoint"}
    shape = {key: rest.pop(key) for key in ("layers", "bidirectional", "merge") if key in rest}
    rest.pop("bias", None)
    with precision(BITS):
        values = {key: lift(value, arb) for key, value in network.values.items()}
        masks = networks.masks_of(layer)
        given = {
            "params": {key: values[key] for key in layer.shapes},
            "x": values["x"],
            "state": {key: values[f"state[{key}]"] for key in layer.states},
            "lengths": np.array(networks.LENGTHS),
            "masks": {key: lift(value, arb) for key, value in masks.items()},
        }
        theirs = forward_tensors(*textbook_layers.forward((name, rest), given, **shape))
        ours = record(network).results
        assert [tensor for tensor, value in theirs.items() if not agree(ours[tensor], value)] == []
