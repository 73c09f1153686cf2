"""accumulate=k: the gradient of k batches as one."""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn
from tinynn.training import Trainer

RNG = np.random.default_rng(0)
X, Y, LABELS = RNG.normal(size=(22, 3)), RNG.normal(size=(22, 4)), RNG.integers(0, 4, 22)


def trained(loss, targets, batch_size, accumulate, epochs=2, **keywords):
    model = nn.Sequential(nn.Dense(3, 5, dtype=np.float64), nn.Tanh(), nn.Dense(5, 4, dtype=np.float64), rng=0)
    trainer = Trainer(model, loss, nn.SGD(model, 0.3, momentum=0.5), accumulate=accumulate, **keywords)
    trainer.fit(nn.Batches(X, targets, batch_size, shuffle=False), epochs, progress=False)
    return trainer


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (nn.MSE, Y),
        (lambda: nn.MSE(mean_over="elements"), Y),
        (nn.SoftmaxCrossEntropy, LABELS),
        (lambda: nn.SoftmaxCrossEntropy(class_weights=[0.1, 1.0, 3.0, 0.5]), LABELS),
        (lambda: nn.SoftmaxCrossEntropy(class_weights=[0.1, 1.0, 3.0, 0.5]), nn.one_hot(LABELS, 4)),
        (lambda: nn.SoftmaxCrossEntropy(class_weights=[0.1, 1.0, 3.0, 0.5], label_smoothing=0.1), LABELS),
    ],
)
@pytest.mark.parametrize("keywords", [{}, {"clip_norm": 0.05, "clip_value": 0.04}])
def test_k_batches_are_one(loss, targets, keywords):
    """22 samples: 12 and 10 as one batch each, or as three batches of four and of 4, 4, 2."""
    one, three = (trained(loss(), targets, *sizes, **keywords) for sizes in ((12, 1), (4, 3)))
    assert one.optimizer.steps == three.optimizer.steps == 4
    for name, value in one.model.state_dict().items():
        np.testing.assert_allclose(three.model.state_dict()[name], value, rtol=1e-12, atol=1e-13)
    assert one.history["gradient_norm"] == pytest.approx(three.history["gradient_norm"], rel=1e-10)


def test_what_is_left_at_the_end_of_an_epoch_makes_a_step():
    whole, left = trained(nn.MSE(), Y, 22, 1), trained(nn.MSE(), Y, 2, 100)
    assert left.optimizer.steps == 2
    np.testing.assert_allclose(left.optimizer.vector.value, whole.optimizer.vector.value, rtol=1e-12, atol=1e-13)


def test_on_batch_end_comes_after_each_batch_whether_it_made_a_step_or_not():
    class Steps:
        seen = ()

        def on_batch_end(self, trainer, cost):
            self.seen += (trainer.optimizer.steps,)

    steps = Steps()
    trained(nn.MSE(), Y, 4, 3, epochs=1, callbacks=[steps])
    assert steps.seen == (0, 0, 1, 1, 1, 2)
    steps.seen = ()
    trained(nn.MSE(), Y, 4, 4, epochs=2, callbacks=[steps])  # the steps at the ends of epochs come after their batches
    assert steps.seen == (0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3)


@pytest.mark.parametrize(
    ("accumulate", "error", "message"),
    [
        (0, nn.InvalidValueError, "Trainer: accumulate must be at least 1, got 0"),
        (-2, nn.InvalidValueError, "got -2"),
        (1.5, nn.DtypeError, "Trainer: accumulate must be an int, got 1.5"),
        (True, nn.DtypeError, "got True"),
        (None, nn.DtypeError, "got None"),
    ],
)
def test_another_number_is_refused(accumulate, error, message):
    with pytest.raises(error, match=message):
        trained(nn.MSE(), Y, 4, accumulate)
