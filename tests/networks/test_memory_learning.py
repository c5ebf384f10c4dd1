"""Memory networks learn where somebody is with refseq's own kernels, losses, optimisers and loop."""

import pytest

from tests.networks import learning

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("step", "network"),
    [(learning.soft_step, learning.SOFT), (learning.hard_step, learning.HARD)],
    ids=["soft", "hard"],
)
def test_a_memory_network_learns_where_somebody_is(step, network):
    state = learning.train_stories(step, network, 20)
    assert learning.accuracy(network, state.params) > 0.95
