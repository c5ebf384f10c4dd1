"""Modules of torch.nn that the tests judge."""

MODULES = {
    "RNN": {},
    "RNN relu": {"nonlinearity": "relu", "num_layers": 2},
    "LSTM": {"num_layers": 3, "bidirectional": True},
    "LSTM no bias": {"bias": False, "batch_first": True},
    "GRU": {"num_layers": 3, "bidirectional": True, "batch_first": True},
    "GRU no bias": {"bias": False, "bidirectional": True},
    "LSTM proj": {"proj_size": 2},
    "LSTM proj deep": {"proj_size": 2, "num_layers": 2, "bidirectional": True, "batch_first": True},
    "LSTM proj no bias": {"proj_size": 1, "bias": False, "bidirectional": True},
    "RNNCell": {},
    "RNNCell relu": {"nonlinearity": "relu", "bias": False},
    "LSTMCell": {},
    "GRUCell": {},
    "GRUCell no bias": {"bias": False},
}


def make(torch, key):
    torch.manual_seed(7)
    return getattr(torch.nn, key.split()[0])(4, 3, **MODULES[key])
