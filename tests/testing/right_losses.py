"""Right but tricky losses, whole networks with a loss, and optimizers."""

from __future__ import annotations

import math

import numpy as np
from testing.right import Right, collector, near, relu, scales, sigmoid, signs, softmax, softmax_vjp

import tinynn as nn
from tinynn import testing as kit

LOSSES: list[Right] = []
right = collector(LOSSES)


def probabilities(rng, *shape):
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1])


# ---- tinynn's losses ----------------------------------------------------------------------------
@right("MSE, at the target too, in both conventions")
def _(rng):
    target = rng.normal(size=(3, 2))
    loss = nn.MSE(half=bool(rng.integers(2)), mean_over=str(rng.choice(["samples", "elements"])))
    kit.check_loss(loss, target + rng.choice([0.0, 1.0], (3, 2)), target, rng=rng)


@right("MSE of errors of all scales")
def _(rng):
    kit.check_loss(nn.MSE(), signs(rng, (3, 2)) * scales(rng, -6, 6, (3, 2)), np.zeros((3, 2)), rng=rng)


@right("MAE where the prediction is the target")
def _(rng):
    target = rng.normal(size=(4, 2))
    kit.check_loss(nn.MAE(), target + near(rng, 0.0, shape=(4, 2)), target, rng=rng)
    kit.check_loss(nn.MAE(mean_over="elements"), target, target, rng=rng)


@right("Huber where its pieces meet, and at the target")
def _(rng):
    delta = float(rng.choice([0.5, 1.0, 2.0]))
    prediction = near(rng, -delta, 0.0, delta, shape=(4, 2))
    kit.check_loss(nn.Huber(delta), prediction, np.zeros((4, 2)), rng=rng)


@right("hinge at its margin")
def _(rng):
    target = signs(rng, (4, 2))
    kit.check_loss(nn.Hinge(), target * near(rng, 1.0, shape=(4, 2)), target, rng=rng)


@right("a batch of one for every element-wise loss")
def _(rng):
    for loss in (nn.MSE(), nn.MAE(), nn.Huber(), nn.Hinge(), nn.SigmoidCrossEntropy()):
        kit.check_loss(loss, rng.normal(size=(1, 3)), np.ones((1, 3)), rng=rng)


@right("predictions of one axis and of three")
def _(rng):
    for shape in ((5,), (2, 3, 2)):
        kit.check_loss(nn.MSE(), rng.normal(size=shape), rng.normal(size=shape), rng=rng)
        kit.check_loss(nn.Huber(), 2 * rng.normal(size=shape), rng.normal(size=shape), rng=rng)


@right("sample weights, some of them 0, for every element-wise loss")
def _(rng):
    weight = rng.permutation([0.0, 0.0, 1.0, 2.5])
    for loss in (nn.MSE(), nn.MAE(), nn.Huber(), nn.Hinge(), nn.SigmoidCrossEntropy(mean_over="elements")):
        kit.check_loss(loss, rng.normal(size=(4, 2)), np.ones((4, 2)), sample_weight=weight, rng=rng)


@right("sigmoid cross-entropy of logits at ±1e3, labels hard and soft")
def _(rng):
    z, target = rng.choice([-1e3, -40.0, -1.0, 0.0, 2.0, 40.0, 1e3], (4, 2)), rng.choice([0.0, 0.3, 1.0], (4, 2))
    kit.check_loss(nn.SigmoidCrossEntropy(), z, target, rng=rng)


@right("sigmoid cross-entropy with positive weights, and with integer labels")
def _(rng):
    loss = nn.SigmoidCrossEntropy(positive_weight=[0.2, 1.0, 7.0])
    kit.check_loss(loss, 3 * rng.normal(size=(4, 3)), rng.integers(0, 2, (4, 3)).astype(float), rng=rng)
    kit.check_loss(nn.SigmoidCrossEntropy(), rng.normal(size=(4, 3)), rng.integers(0, 3, 4), rng=rng)


@right("softmax cross-entropy of integer labels")
def _(rng):
    kit.check_loss(nn.SoftmaxCrossEntropy(), 3 * rng.normal(size=(4, 3)), rng.integers(0, 3, 4), rng=rng)


@right("softmax cross-entropy of probabilities, uniform and one-hot ones too")
def _(rng):
    target = np.vstack([probabilities(rng, 2, 3), np.full((1, 3), 1 / 3), np.eye(3)[:1]])
    kit.check_loss(nn.SoftmaxCrossEntropy(), rng.normal(size=(4, 3)), target, rng=rng)


@right("softmax cross-entropy of logits at ±1e3, right and wrong with certainty")
def _(rng):
    z, labels = rng.choice([-1e3, 0.0, 999.0, 1e3], (4, 3)), rng.integers(0, 3, 4)
    kit.check_loss(nn.SoftmaxCrossEntropy(), z, labels, rng=rng)


@right("softmax cross-entropy of one class: the cost and its gradient are 0")
def _(rng):
    kit.check_loss(nn.SoftmaxCrossEntropy(), rng.normal(size=(3, 1)), np.zeros(3, int), rng=rng)


@right("softmax cross-entropy of a batch of one and of sequences")
def _(rng):
    kit.check_loss(nn.SoftmaxCrossEntropy(), rng.normal(size=(1, 4)), [2], rng=rng)
    kit.check_loss(nn.SoftmaxCrossEntropy(), rng.normal(size=(2, 3, 2)), rng.integers(0, 2, (2, 3)), rng=rng)


@right("softmax cross-entropy with class weights, one of them 0")
def _(rng):
    loss = nn.SoftmaxCrossEntropy(class_weights=[0.0, 0.5, 3.0])
    kit.check_loss(loss, rng.normal(size=(4, 3)), rng.permutation([0, 1, 2, 2]), rng=rng)
    kit.check_loss(loss, rng.normal(size=(4, 3)), probabilities(rng, 4, 3), rng=rng)


@right("softmax cross-entropy with label smoothing")
def _(rng):
    loss = nn.SoftmaxCrossEntropy(label_smoothing=float(rng.choice([0.1, 0.9])))
    kit.check_loss(loss, 3 * rng.normal(size=(4, 3)), rng.integers(0, 3, 4), rng=rng)


@right("softmax cross-entropy with sample weights, class weights and smoothing at once")
def _(rng):
    loss = nn.SoftmaxCrossEntropy(label_smoothing=0.2, class_weights=[0.1, 1.0, 4.0])
    weight = rng.permutation([0.0, 1.0, 0.3, 5.0])
    kit.check_loss(loss, rng.normal(size=(4, 3)), rng.integers(0, 3, 4), sample_weight=weight, rng=rng)


@right("predictions in float32 and in Fortran's order")
def _(rng):
    prediction, target = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    kit.check_loss(nn.MSE(), prediction.astype(np.float32), target.astype(np.float32), rng=rng)
    kit.check_loss(nn.Huber(), np.asfortranarray(prediction), target, rng=rng)


# ---- losses of one's own ------------------------------------------------------------------------
class RowLoss(nn.Loss):
    """A mean over rows; `rows` gives each row's cost and its derivative."""

    def forward(self, prediction, target, sample_weight=None):
        n, target = len(prediction), np.asarray(target)
        target = target.astype(prediction.dtype) if target.dtype.kind == "f" else target
        weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight)
        share = (weight / weight.sum()).astype(prediction.dtype)
        costs, slopes = self.rows(prediction, target)
        self.grad = slopes * share.reshape(-1, *[1] * (prediction.ndim - 1))
        return float(share @ costs)

    def backward(self):
        return self.grad

    def rows(self, prediction, target):
        raise NotImplementedError


class LogCosh(RowLoss):
    """Σ log cosh d, large d included."""

    def rows(self, prediction, target):
        d = prediction - target
        return (np.logaddexp(d, -d) - math.log(2)).sum(axis=1), np.tanh(d)


@right("log-cosh, of large errors too")
def _(rng):
    prediction = signs(rng, (4, 2)) * scales(rng, -3, 3, (4, 2))
    kit.check_loss(LogCosh(), prediction, rng.normal(size=(4, 2)), rng=rng)


class Focal(RowLoss):
    """−Σ (1 − p)^γ log p, p the probability that σ(z) gives to the label ±1."""

    def __init__(self, gamma):
        self.gamma = gamma

    def rows(self, prediction, target):
        margin = prediction * target
        p, log_p = sigmoid(margin), -np.logaddexp(0, -margin)
        hard = sigmoid(-margin) ** self.gamma
        return -(hard * log_p).sum(axis=1), target * hard * (self.gamma * p * log_p - sigmoid(-margin))


@right("focal loss")
def _(rng):
    loss = Focal(float(rng.choice([0.5, 1.0, 2.0])))
    kit.check_loss(loss, 3 * rng.normal(size=(4, 2)), signs(rng, (4, 2)), rng=rng)


class Contrastive(RowLoss):
    """Pairs (batch, 2, features): d² / 2 of alike ones, max(0, 1 − d)² / 2 of others."""

    def rows(self, prediction, target):
        difference = prediction[:, 0] - prediction[:, 1]
        d = np.sqrt((difference**2).sum(axis=1))
        short = relu(1 - d)
        costs = np.where(target == 1, d**2, short**2) / 2
        slope = np.where(target == 1, 1, -short / np.where(d == 0, 1, d)).astype(d.dtype)
        pull = slope[:, None] * difference
        return costs, np.stack([pull, -pull], axis=1)


@right("contrastive loss of pairs, others that are far apart and alike ones that are equal")
def _(rng):
    pairs, alike = rng.normal(size=(5, 2, 2)), rng.permutation([1, 1, 0, 0, 0])
    pairs[alike.argmax(), 1] = pairs[alike.argmax(), 0]
    kit.check_loss(Contrastive(), pairs, alike, rng=rng)


class Quantile(RowLoss):
    """max(q e, (q − 1) e) of e = y − a, for several q at once: one output each."""

    def __init__(self, quantiles):
        self.quantiles = quantiles

    def rows(self, prediction, target):
        q, e = np.array(self.quantiles, prediction.dtype), target[:, None] - prediction
        return np.maximum(q * e, (q - 1) * e).sum(axis=1), np.where(e > 0, -q, 1 - q)


@right("quantile loss at its kinks")
def _(rng):
    target = rng.normal(size=4)
    prediction = target[:, None] + near(rng, 0.0, shape=(4, 3))
    kit.check_loss(Quantile((0.1, 0.5, 0.9)), prediction, target, rng=rng)


class Poisson(RowLoss):
    """Σ e^z − y z, z the logarithm of the rate."""

    def rows(self, prediction, target):
        rate, counts = np.exp(prediction), np.asarray(target, prediction.dtype)
        return (rate - counts * prediction).sum(axis=1), rate - counts


@right("Poisson loss of counts")
def _(rng):
    kit.check_loss(Poisson(), 2 * rng.normal(size=(4, 2)), rng.poisson(3, (4, 2)), rng=rng)


class PoissonRate(RowLoss):
    """Σ λ − y log λ, defined for positive predictions alone."""

    def rows(self, prediction, target):
        return (prediction - target * np.log(prediction)).sum(axis=1), 1 - target / prediction


@right("Poisson loss of a rate that must be positive")
def _(rng):
    kit.check_loss(PoissonRate(), scales(rng, -4, 2, (4, 2)), rng.poisson(3, (4, 2)).astype(float), rng=rng)


class KullbackLeibler(RowLoss):
    """Σ t (log t − log p) with p = softmax(z); 0 log 0 = 0."""

    def rows(self, prediction, target):
        z = prediction - prediction.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        log_t = np.log(np.where(target > 0, target, 1))
        return (target * (log_t - log_p)).sum(axis=1), np.exp(log_p) - target


@right("Kullback–Leibler divergence, some probabilities 0, and equal distributions")
def _(rng):
    z, target = rng.normal(size=(4, 3)), np.vstack([probabilities(rng, 2, 3), [[0, 1, 0], [0.5, 0.5, 0]]])
    target[0] = softmax(z[0])
    kit.check_loss(KullbackLeibler(), z, target, rng=rng)


class Dice(RowLoss):
    """1 − (2 Σ p y + 1) / (Σ p + Σ y + 1) for each row's mask, p = σ(z)."""

    def rows(self, prediction, target):
        p = sigmoid(prediction)
        above = 2 * (p * target).sum(axis=1, keepdims=True) + 1
        below = p.sum(axis=1, keepdims=True) + target.sum(axis=1, keepdims=True) + 1
        return 1 - (above / below)[:, 0], (above / below - 2 * target) / below * p * (1 - p)


@right("Dice loss, empty masks too")
def _(rng):
    masks = rng.integers(0, 2, (4, 5)) * rng.integers(0, 2, (4, 1))
    kit.check_loss(Dice(), rng.normal(size=(4, 5)), masks.astype(float), rng=rng)


class GaussianNLL(RowLoss):
    """Two outputs for each target: mean m and log s; Σ (y − m)² / 2s² + log s."""

    def rows(self, prediction, target):
        mean, log_scale = np.split(prediction, 2, axis=1)
        error, precision = mean - target, np.exp(-2 * log_scale)
        costs = (error**2 * precision / 2 + log_scale).sum(axis=1)
        return costs, np.concatenate([error * precision, 1 - error**2 * precision], axis=1)


@right("Gaussian likelihood: the prediction is wider than the target")
def _(rng):
    kit.check_loss(GaussianNLL(), rng.normal(size=(4, 4)), rng.normal(size=(4, 2)), rng=rng)


class CrammerSinger(RowLoss):
    """max(0, 1 + the largest other score − the label's)."""

    def rows(self, prediction, target):
        label = np.eye(prediction.shape[1], dtype=prediction.dtype)[target]
        margins = prediction + 1 - label - (prediction * label).sum(axis=1, keepdims=True)
        worst = np.eye(prediction.shape[1], dtype=prediction.dtype)[margins.argmax(axis=1)]
        return margins.max(axis=1), worst - label


@right("multi-class hinge with scores that tie and margins that are just met")
def _(rng):
    kit.check_loss(CrammerSinger(), rng.integers(0, 3, (4, 3)).astype(float), rng.integers(0, 3, 4), rng=rng)


@right("sample weights, some of them 0, for losses of one's own")
def _(rng):
    weight = rng.permutation([0.0, 0.5, 1.0, 4.0])
    kit.check_loss(LogCosh(), rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), sample_weight=weight, rng=rng)
    kit.check_loss(Dice(), rng.normal(size=(4, 3)), np.eye(4, 3), sample_weight=weight, rng=rng)


@right("costs near 1e-9 and near 1e12")
def _(rng):
    target = rng.normal(size=(3, 2))
    kit.check_loss(nn.MSE(), target + 3e-5 * rng.normal(size=(3, 2)), target, rng=rng)
    kit.check_loss(nn.MSE(), target + 1e6 * rng.normal(size=(3, 2)), target, rng=rng)


# ---- other people's losses ----------------------------------------------------------------------
class SumOfSquares:
    """Summed over the batch, not averaged."""

    def forward(self, p, t):
        self.p, self.t = p, t
        return np.sum((p - t) ** 2)

    def backward(self):
        return 2 * (self.p - self.t)


class MeanOfSquares(SumOfSquares):
    """Averaged over all elements."""

    def forward(self, p, t):
        return super().forward(p, t) / p.size

    def backward(self):
        return super().backward() / self.p.size


class CrossEntropyOfProbabilities:
    """−Σ t log p / n of probabilities that some softmax made."""

    def forward(self, y_pred, y_true):
        self.y_pred, self.y_true = y_pred, y_true
        return -np.sum(y_true * np.log(y_pred)) / len(y_pred)

    def backward(self):
        return -self.y_true / self.y_pred / len(self.y_pred)


class SoftmaxWithLoss:
    """Softmax and the mean cross-entropy of labels in one, the labels by fancy indexing."""

    def forward(self, x, t):
        self.t, self.y = t, softmax(x)
        return -np.log(self.y[np.arange(len(x)), t]).mean()

    def backward(self):
        back = self.y.copy()
        back[np.arange(len(back)), self.t] -= 1
        return back / len(back)


class InBatchContrast:
    """InfoNCE: the rows of a batch are each other's negatives."""

    def forward(self, queries, keys):
        self.keys, self.p = keys, softmax(queries @ keys.T)
        return float(-np.log(np.diag(self.p)).mean())

    def backward(self):
        return (self.p - np.eye(len(self.p))) @ self.keys / len(self.p)


class BatchDice:
    """Dice over the whole batch at once."""

    def forward(self, p, t):
        self.t, self.above, self.below = t, 2 * np.sum(p * t) + 1, np.sum(p) + np.sum(t) + 1
        return 1 - self.above / self.below

    def backward(self):
        return (self.above / self.below - 2 * self.t) / self.below


def foreign_loss(make, draw):
    @right(f"foreign loss: {make.__doc__}")
    def _(rng):
        kit.check_loss(make(), *draw(rng), rng=rng)


foreign_loss(SumOfSquares, lambda rng: rng.normal(size=(2, 4, 3)))
foreign_loss(MeanOfSquares, lambda rng: rng.normal(size=(2, 4, 3)))
foreign_loss(CrossEntropyOfProbabilities, lambda rng: (probabilities(rng, 4, 3), np.eye(3)[rng.integers(0, 3, 4)]))
foreign_loss(SoftmaxWithLoss, lambda rng: (rng.normal(size=(4, 3)), rng.integers(0, 3, 4)))
foreign_loss(InBatchContrast, lambda rng: rng.normal(size=(2, 4, 3)))
foreign_loss(BatchDice, lambda rng: (rng.uniform(size=(4, 3)), rng.integers(0, 2, (4, 3))))


# ---- networks -----------------------------------------------------------------------------------
def dense(rng, *sizes):
    return nn.Dense(*sizes, rng=int(rng.integers(1000)))


@right("the book's network in small, with the quadratic cost")
def _(rng):
    model = nn.Sequential(dense(rng, 4, 3), nn.Sigmoid(), dense(rng, 3, 2), nn.Sigmoid())
    kit.check_network(model, nn.MSE(), rng.uniform(size=(5, 4)), np.eye(2)[rng.integers(0, 2, 5)], rng=rng)


@right("a classifier with softmax cross-entropy of labels")
def _(rng):
    model = nn.Sequential(dense(rng, 4, 3), nn.Tanh(), dense(rng, 3, 3))
    kit.check_network(model, nn.SoftmaxCrossEntropy(), rng.normal(size=(5, 4)), rng.integers(0, 3, 5), rng=rng)


@right("softmax as a layer under the quadratic cost")
def _(rng):
    model = nn.Sequential(dense(rng, 4, 3), nn.Softmax())
    kit.check_network(model, nn.MSE(), 3 * rng.normal(size=(5, 4)), np.eye(3)[rng.integers(0, 3, 5)], rng=rng)


@right("a ReLU network of which some units are dead for every row")
def _(rng):
    first = dense(rng, 4, 5)
    first.bias.value[:3] = -100
    model = nn.Sequential(first, nn.ReLU(), dense(rng, 5, 2))
    kit.check_network(model, nn.MSE(), rng.normal(size=(4, 4)), rng.normal(size=(4, 2)), rng=rng)


@right("a ReLU network that is dead altogether")
def _(rng):
    first = dense(rng, 3, 4)
    first.bias.value -= 100
    model = nn.Sequential(first, nn.ReLU(), dense(rng, 4, 2))
    kit.check_network(model, nn.MSE(), rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), rng=rng)


@right("a deep ReLU network")
def _(rng):
    blocks = [layer for _ in range(4) for layer in (dense(rng, 4, 4), nn.ReLU())]
    model = nn.Sequential(*blocks, dense(rng, 4, 2))
    kit.check_network(model, nn.SoftmaxCrossEntropy(), rng.normal(size=(3, 4)), rng.integers(0, 2, 3), rng=rng)


@right("a ReLU network at x = 0 with biases that are 0: every unit is at its kink")
def _(rng):
    model = nn.Sequential(dense(rng, 3, 4), nn.ReLU(), dense(rng, 4, 2))
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            p.value.fill(0)
    kit.check_network(model, nn.MSE(), np.zeros((2, 3)), rng.normal(size=(2, 2)), rng=rng)


@right("some rows and some features are 0: weights without a gradient")
def _(rng):
    x = rng.normal(size=(4, 3))
    x[0], x[:, 1] = 0, 0
    model = nn.Sequential(dense(rng, 3, 4), nn.LeakyReLU(), dense(rng, 4, 2))
    kit.check_network(model, nn.Huber(), x, rng.normal(size=(4, 2)), rng=rng)


@right("Dropout between layers")
def _(rng):
    model = nn.Sequential(dense(rng, 4, 4), nn.Tanh(), nn.Dropout(0.4, rng=int(rng.integers(1000))), dense(rng, 4, 2))
    kit.check_network(model, nn.SoftmaxCrossEntropy(), rng.normal(size=(4, 4)), rng.integers(0, 2, 4), rng=rng)


@right("Residual and Parallel with activations that bend smoothly")
def _(rng):
    block = nn.Residual(nn.Sequential(dense(rng, 3, 3), nn.GELU()))
    branches = nn.Parallel(dense(rng, 3, 2), nn.Sequential(dense(rng, 3, 2), nn.SiLU()))
    model = nn.Sequential(block, branches, dense(rng, 4, 1))
    kit.check_network(model, nn.MSE(), rng.normal(size=(4, 3)), rng.normal(size=(4, 1)), rng=rng)


@right("images into a flat network, the absolute error")
def _(rng):
    model = nn.Sequential(nn.Flatten(), dense(rng, 6, 3), nn.Softplus(), dense(rng, 3, 1))
    kit.check_network(model, nn.MAE(), rng.normal(size=(3, 2, 3)), rng.normal(size=(3, 1)), rng=rng)


@right("a support vector machine: one layer and the hinge")
def _(rng):
    kit.check_network(dense(rng, 3, 1), nn.Hinge(), rng.normal(size=(5, 3)), signs(rng, (5, 1)), rng=rng)


@right("a saturated network: weights of 30")
def _(rng):
    model = nn.Sequential(dense(rng, 3, 4), nn.Sigmoid(), dense(rng, 4, 2))
    model[0].weight.value *= 30
    kit.check_network(model, nn.SigmoidCrossEntropy(), rng.normal(size=(4, 3)), rng.integers(0, 2, (4, 2)), rng=rng)


@right("the prediction is the target: every gradient is 0")
def _(rng):
    model = nn.Sequential(dense(rng, 3, 4), nn.Tanh(), dense(rng, 4, 2)).astype(np.float64)
    x = rng.normal(size=(4, 3))
    kit.check_network(model, nn.MSE(), x, model.predict(x), rng=rng)


@right("a network and a loss of one's own")
def _(rng):
    model = nn.Sequential(dense(rng, 3, 4), nn.ELU(), dense(rng, 4, 4))
    kit.check_network(model, GaussianNLL(), rng.normal(size=(5, 3)), rng.normal(size=(5, 2)), rng=rng)


class SoftmaxOutput(nn.Layer):
    """Softmax as others write it."""

    def forward(self, x):
        self.y = softmax(x)
        return self.y

    def backward(self, grad):
        return softmax_vjp(self.y, grad)


@right("a softmax layer and the cross-entropy of its probabilities")
def _(rng):
    model = nn.Sequential(dense(rng, 3, 3), SoftmaxOutput())
    target = np.eye(3)[rng.integers(0, 3, 4)]
    kit.check_network(model, CrossEntropyOfProbabilities(), rng.normal(size=(4, 3)), target, rng=rng)


@right("784-30-10, the lecture's network")
def _(rng):
    model = nn.Sequential(dense(rng, 784, 30), nn.Sigmoid(), dense(rng, 30, 10), nn.Sigmoid())
    x = rng.uniform(size=(4, 784)) * (rng.random((4, 784)) < 0.2)
    kit.check_network(model, nn.MSE(), x, np.eye(10)[rng.integers(0, 10, 4)], rng=rng, elementwise=64)


# ---- optimizers ---------------------------------------------------------------------------------
OPTIMIZERS = (nn.SGD, nn.Adagrad, nn.RMSprop, nn.Adam, nn.AdamW, nn.Adadelta, nn.NAdam, nn.RAdam, nn.Lion)
OPTIONS = (
    (nn.SGD, {"learning_rate": 0.1, "momentum": 0.9}),
    (nn.SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    (nn.SGD, {"learning_rate": 0.1, "momentum": 0.5, "dampening": 0.5, "weight_decay": 1e-3}),
    (nn.SGD, {"learning_rate": 0.1, "l1_decay": 1e-3}),
    (nn.SGD, {"learning_rate": lambda step: 0.1 / (1 + step)}),
    (nn.Adagrad, {"learning_rate": 0.1, "initial_accumulator": 0.1, "learning_rate_decay": 0.01}),
    (nn.RMSprop, {"learning_rate": 0.01, "momentum": 0.9, "centered": True}),
    (nn.Adam, {"learning_rate": 0.01, "amsgrad": True, "weight_decay": 1e-3}),
    (nn.Adam, {"learning_rate": 0.01, "betas": (0.5, 0.9)}),
    (nn.AdamW, {"learning_rate": 0.01, "weight_decay": 0.1}),
    (nn.Adadelta, {"decay": 0.95, "weight_decay": 1e-3}),
    (nn.NAdam, {"learning_rate": 0.01, "momentum_decay": 0.0}),
    (nn.RAdam, {"learning_rate": 0.01}),
    (nn.Lion, {"learning_rate": 0.001, "weight_decay": 0.1}),
)
for _optimizer in OPTIMIZERS:

    @right(f"{_optimizer.__name__} with its defaults")
    def _(rng, optimizer=_optimizer):
        kit.check_optimizer(optimizer)


for _optimizer, _options in OPTIONS:
    _title = ", ".join(f"{name}={'…' if callable(value) else value}" for name, value in _options.items())

    @right(f"{_optimizer.__name__} with {_title}")
    def _(rng, optimizer=_optimizer, options=_options):
        kit.check_optimizer(lambda parameters: optimizer(parameters, **options))


@right("a group with a weight decay of its own")
def _(rng):
    kit.check_optimizer(
        lambda parameters: nn.Adam([{"parameters": parameters, "weight_decay": 1e-3}], learning_rate=0.01)
    )


class HeavyBall(nn.Optimizer):
    """Momentum in Polyak's form: w ← w − η g + μ (w − w before)."""

    slots = ("change",)

    def update(self, value, grad, learning_rate, *, change):
        change *= 0.9
        change -= learning_rate * grad
        value += change


@right("momentum in Polyak's form, equal to SGD's")
def _(rng):
    kit.check_optimizer(
        lambda parameters: HeavyBall(parameters, 0.05),
        like=lambda parameters: nn.SGD(parameters, 0.05, momentum=0.9),
    )


class PlainAdam(nn.Optimizer):
    """Adam with the bias corrections as in the paper."""

    slots = ("mean", "square")
    elementwise = True

    def update(self, value, grad, learning_rate, *, mean, square):
        mean += 0.1 * (grad - mean)
        square += 0.001 * (grad * grad - square)
        corrected = mean / (1 - 0.9**self.steps), square / (1 - 0.999**self.steps)
        value -= learning_rate * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)


@right("Adam as in the paper, equal to tinynn's")
def _(rng):
    kit.check_optimizer(
        lambda parameters: PlainAdam(parameters, 0.01), like=lambda parameters: nn.Adam(parameters, 0.01)
    )


class SignDescent(nn.Optimizer):
    def update(self, value, grad, learning_rate):
        value -= learning_rate * np.sign(grad)


@right("steps of a fixed size in the direction of the sign")
def _(rng):
    kit.check_optimizer(lambda parameters: SignDescent(parameters, 0.001))


class NormalisedDescent(nn.Optimizer):
    """A step of length η, whatever the gradient's length: it looks across all entries."""

    def update(self, value, grad, learning_rate):
        value -= learning_rate * grad / max(math.sqrt(float(grad @ grad)), 1e-12)


@right("descent by the gradient over its norm")
def _(rng):
    kit.check_optimizer(lambda parameters: NormalisedDescent(parameters, 0.01))
