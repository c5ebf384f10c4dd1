"""What holds of the CTC loss for any input: symmetries, invariances, sums, signs, reductions."""

import numpy as np
import pytest

from refseq.losses import REDUCTIONS, ctc_of_log_probs, ctc_of_logits
from tests.conftest import framework
from tests.losses.paths import every_target

T, B, C = 7, 6, 5
FORMS = {"logits": ctc_of_logits, "log_probs": ctc_of_log_probs}
both_forms = pytest.mark.parametrize("form", FORMS)
both_targets = pytest.mark.parametrize("target", ["reference", "cpu"])


def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


def drawn(seed=0, scale=2.0):
    """Log-probabilities, targets with and without equal neighbours, unequal lengths; all can be spelled."""
    rng = np.random.default_rng(seed)
    x = log_softmax(scale * rng.normal(size=(T, B, C)))
    targets = np.array([[1, 2, 3], [2, 2, 4], [1, 1, 1], [3, 4, 3], [4, 1, 2], [2, 3, 3]])
    return x, targets, {"lengths": [7, 6, 5, 4, 5, 7], "target_lengths": [3, 3, 3, 2, 1, 0], "reduction": "sum"}


@both_forms
@both_targets
def test_all_sequences_of_labels_are_certain_together(form, target):
    """The sum over all targets of exp(-loss) is 1."""
    for steps, classes in [(0, 2), (1, 4), (3, 3), (4, 2)]:
        _, padded, counts = every_target(classes, steps)
        x = log_softmax(np.random.default_rng(steps).normal(size=(steps, 1, classes)))
        loss = FORMS[form](np.repeat(x, len(counts), axis=1), padded, target_lengths=counts, target=target)
        assert np.exp(-loss.sequences).sum() == pytest.approx(1, rel=1e-14)


@both_targets
def test_a_posterior_sums_to_one_in_every_frame(target):
    """sum over s of alpha_t beta_t / y_t is the likelihood, whatever t."""
    x, targets, options = drawn()
    gradient = ctc_of_log_probs(x, targets, **options, target=target).gradient
    for row, length in enumerate(options["lengths"]):
        np.testing.assert_allclose(-gradient[:length, row].sum(axis=-1), 1, rtol=1e-14)
        assert ((gradient <= 0) & (gradient >= -1 - 1e-14)).all()


@both_forms
@both_targets
def test_backward_in_time(form, target):
    """Frames and labels reversed: the same loss, the gradient reversed."""
    x, targets, options = drawn()
    want = FORMS[form](x, targets, **options, target=target)
    back, labels = x.copy(), targets.copy()
    for row, (n, count) in enumerate(zip(options["lengths"], options["target_lengths"], strict=True)):
        back[:n, row], labels[row, :count] = x[:n, row][::-1], targets[row, :count][::-1]
    got = FORMS[form](back, labels, **options, target=target)
    np.testing.assert_allclose(got.sequences, want.sequences, rtol=1e-13)
    for row, n in enumerate(options["lengths"]):
        np.testing.assert_allclose(got.gradient[:n, row][::-1], want.gradient[:n, row], atol=1e-14)


@both_forms
@both_targets
def test_other_names_of_the_classes(form, target):
    """A permutation of the classes, the blank among them, permutes the gradient."""
    x, targets, options = drawn()
    names = np.array([3, 0, 4, 2, 1])
    moved = np.empty_like(x)
    moved[..., names] = x
    want = FORMS[form](x, targets, **options, target=target)
    got = FORMS[form](moved, names[targets], **options, blank=3, target=target)
    np.testing.assert_allclose(got.sequences, want.sequences, rtol=1e-14)
    np.testing.assert_allclose(got.gradient[..., names], want.gradient, atol=1e-14)


@both_targets
def test_the_two_forms_differ_by_softmax(target):
    """On log-probabilities: the same loss; the gradients differ by softmax, and agree through log_softmax."""
    x, targets, options = drawn()
    logits, logs = (form(x, targets, **options, target=target) for form in (ctc_of_logits, ctc_of_log_probs))
    np.testing.assert_allclose(logits.sequences, logs.sequences, rtol=1e-13)
    for row, n in enumerate(options["lengths"]):
        p = np.exp(x[:n, row])
        np.testing.assert_allclose(logits.gradient[:n, row], logs.gradient[:n, row] + p, atol=1e-14)
        np.testing.assert_allclose(logits.gradient[:n, row].sum(axis=-1), 0, atol=1e-15)
    absent = np.ones((B, C), bool)
    absent[:, 0] = False
    for row, count in enumerate(options["target_lengths"]):
        absent[row, targets[row, :count]] = False
    assert not logs.gradient[:, absent].any()
    assert (logits.gradient[:4, absent] > 0).all()


@both_targets
def test_a_shift_of_logits_changes_nothing(target):
    x, targets, options = drawn()
    shift = np.random.default_rng(1).integers(-64, 64, (T, B, 1)) / 4
    want = ctc_of_logits(x, targets, **options, target=target)
    got = ctc_of_logits(x + shift, targets, **options, target=target)
    np.testing.assert_allclose(got.sequences, want.sequences, rtol=1e-13)
    np.testing.assert_allclose(got.gradient, want.gradient, atol=1e-13)
    logs = ctc_of_log_probs(x + shift, targets, **options, target=target)
    moved = [shift[:n, row].sum() for row, n in enumerate(options["lengths"])]
    np.testing.assert_allclose(logs.sequences, want.sequences - moved, atol=1e-12)


@both_forms
@both_targets
def test_a_frame_that_is_certainly_blank(form, target):
    """At the end it changes nothing; at the start neither."""
    x, targets, options = drawn()
    blank = np.where(np.arange(C) == 0, 0.0, -np.inf) * np.ones((1, B, 1))
    full = {"target_lengths": options["target_lengths"], "reduction": "sum", "target": target}
    want = FORMS[form](x, targets, **full)
    for longer, rest in [(np.vstack([x, blank]), slice(0, T)), (np.vstack([blank, x]), slice(1, T + 1))]:
        got = FORMS[form](longer, targets, **full)
        np.testing.assert_allclose(got.sequences, want.sequences, rtol=1e-14)
        np.testing.assert_allclose(got.gradient[rest], want.gradient, atol=1e-14)


@both_targets
def test_forced_paths(target):
    """The empty target is all blanks; as many frames as labels leave one path; equal neighbours need a blank."""
    x, _, _ = drawn()
    all_ = {"reduction": "sum", "target": target}
    empty = ctc_of_log_probs(x, np.zeros((B, 0), int), **all_)
    np.testing.assert_allclose(empty.sequences, -x[..., 0].sum(axis=0), rtol=1e-14)
    forced = ctc_of_log_probs(x[:3], np.array([[1, 2, 3]] * B), **all_)
    np.testing.assert_allclose(forced.sequences, -(x[0, :, 1] + x[1, :, 2] + x[2, :, 3]), rtol=1e-14)
    twice = ctc_of_log_probs(x[:3], np.array([[1, 1]] * B), **all_)
    np.testing.assert_allclose(twice.sequences, -(x[0, :, 1] + x[1, :, 0] + x[2, :, 1]), rtol=1e-14)
    assert np.isinf(ctc_of_log_probs(x[:2], np.array([[1, 1]] * B), **all_).sequences).all()
    assert np.isfinite(ctc_of_log_probs(x[:2], np.array([[1, 2]] * B), **all_).sequences).all()


@both_targets
def test_signs(target):
    """The loss is not negative; it falls with the logit of a class that the target needs more than it is likely."""
    for seed in range(5):
        x, targets, options = drawn(seed)
        logits = ctc_of_logits(x, targets, **options, target=target)
        posterior = -ctc_of_log_probs(x, targets, **options, target=target).gradient
        assert (logits.sequences >= 0).all()
        for row, n in enumerate(options["lengths"]):
            more = posterior[:n, row] - np.exp(x[:n, row])
            clear = np.abs(more) > 1e-12
            assert (np.sign(logits.gradient[:n, row])[clear] == -np.sign(more)[clear]).all()


@both_forms
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_has_the_same_bits_alone_and_in_any_batch(form, dtype):
    x, targets, options = drawn()
    x = x.astype(dtype)
    together = FORMS[form](x, targets, **options)
    for row, (n, count) in enumerate(zip(options["lengths"], options["target_lengths"], strict=True)):
        alone = FORMS[form](x[:n, row : row + 1].copy(), targets[row : row + 1, :count], reduction="sum")
        assert alone.sequences[0] == together.sequences[row]
        assert alone.gradient.tobytes() == np.ascontiguousarray(together.gradient[:n, row : row + 1]).tobytes()


@both_forms
def test_threads_change_no_bit(form):
    """Enough rows for several of them."""
    import numba

    rng = np.random.default_rng(8)
    x, targets = rng.normal(size=(40, 33, 17)).astype("float32"), rng.integers(1, 17, (33, 12))
    lengths = rng.integers(0, 41, 33)
    want = FORMS[form](x, targets, lengths=lengths, infeasible="zero")
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = FORMS[form](x, targets, lengths=lengths, infeasible="zero")
    finally:
        numba.set_num_threads(before)
    assert want.gradient.tobytes() == alone.gradient.tobytes()
    assert want.sequences.tobytes() == alone.sequences.tobytes()


@both_forms
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_reduction_scales_loss_and_gradient_alike(form, reduction, weighted):
    x, targets, options = drawn()
    options["reduction"] = reduction
    weights = np.array([0.5, 0, 2, 1, 0.25, 3]) if weighted else None
    raw = FORMS[form](x, targets, **(options | {"reduction": "sum"}))
    loss = FORMS[form](x, targets, **options, weights=weights)
    w, n = np.ones(B) if weights is None else weights, np.maximum(options["target_lengths"], 1)
    counted = (w > 0).sum()
    scale = {
        "sum": w,
        "mean per token": w / (w * n).sum(),
        "mean per sequence": w / counted,
        "mean of sequence means": (w > 0) / (counted * n),
    }[reduction]
    np.testing.assert_allclose(loss.scale, scale, rtol=1e-15)
    assert loss.value == pytest.approx((scale * raw.sequences).sum(), rel=1e-14)
    np.testing.assert_allclose(loss.gradient, raw.gradient * scale[:, None], atol=1e-15)
    if weighted:
        assert loss.sequences[1] == 0


def test_a_row_that_does_not_count_is_not_looked_at():
    x, targets, options = drawn()
    x[:, 2] = np.nan
    loss = ctc_of_logits(x, targets, **options, weights=np.array([1.0, 1, 0, 1, 1, 1]))
    assert np.isfinite(loss.value)
    assert not loss.gradient[:, 2].any()


@both_targets
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_torch_has_the_gradient_of_logits(reduction, target):
    """Through its own log_softmax torch is right; its "mean" is the mean of sequence means."""
    torch = framework("torch")
    x, targets, options = drawn()
    leaf = torch.tensor(x, requires_grad=True)
    counts = torch.tensor(options["lengths"]), torch.tensor(options["target_lengths"])
    value = torch.nn.functional.ctc_loss(leaf.log_softmax(2), torch.tensor(targets), *counts, reduction=reduction)
    value.backward()
    options["reduction"] = {"sum": "sum", "mean": "mean of sequence means"}[reduction]
    ours = ctc_of_logits(x, targets, **options, target=target)
    assert ours.value == pytest.approx(value.item(), rel=1e-13)
    np.testing.assert_allclose(ours.gradient, leaf.grad.numpy(), atol=1e-13)
