"""Convolution and pooling: windows that backward puts back in the wrong place, or forgets."""

from __future__ import annotations

import numpy as np
from testing.wrong import UNCLEAR, Faulty, layer_cases, normal

import tinynn as nn

SOME = ("branch", "row-dropped", *UNCLEAR)


class Conv2D(Faulty):
    """y[b, o, r, c] = Σ w[o, i, j, k] x[b, i, s r + j, s c + k] + bias[o], x padded by one zero all around."""

    channels, outputs, size, stride = 2, 3, 3, 2

    def build(self):
        self.weight = nn.Parameter(normal(self.outputs, self.channels, self.size, self.size))
        self.bias = nn.Parameter(normal(self.outputs, seed=1))

    def offsets(self, shape, stride):
        """(j, k) and, for each, where all windows have their entry (j, k)."""
        rows, columns = shape[-2:]
        for j, k in np.ndindex(self.size, self.size):
            yield (j, k), np.s_[..., j : j + stride * rows : stride, k : k + stride * columns : stride]

    def forward(self, x):
        self.x = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
        rows, columns = ((n - self.size) // self.stride + 1 for n in self.x.shape[2:])
        y = np.zeros((len(x), self.outputs, rows, columns), x.dtype) + self.bias.value[:, None, None]
        for (j, k), windows in self.offsets(y.shape, self.stride):
            y += np.einsum("oi,bihw->bohw", self.weight.value[..., j, k], self.x[windows])
        return y

    def backward(self, grad):
        fault, kernel = self.fault, self.weight.value
        weight, back = np.zeros_like(kernel), np.zeros_like(self.x)
        if fault == "kernel flipped in the input":
            kernel = kernel[..., ::-1, ::-1]
        if fault == "channels swapped in the input":
            kernel = kernel.swapaxes(0, 1)
        for (j, k), windows in self.offsets(grad.shape, self.stride):
            weight[..., j, k] = np.einsum("bohw,bihw->oi", grad, self.x[windows])
            change = np.einsum("oi,bohw->bihw", kernel[..., j, k], grad)
            if fault == "windows overwrite one another":
                back[windows] = change
            else:
                back[windows] += change
        if fault == "stride ignored in the input":
            back[:] = 0
            for (j, k), windows in self.offsets(grad.shape, 1):
                back[windows] += np.einsum("oi,bohw->bihw", kernel[..., j, k], grad)
        bias = grad.sum(axis=(0, 2, 3))
        match fault:
            case "bias of one position":
                bias = grad[:, :, 0, 0].sum(axis=0)
            case "bias mean over the positions":
                bias = grad.mean(axis=(2, 3)).sum(axis=0)
            case "bias of the first image":
                bias = grad[0].sum(axis=(1, 2))
            case "weight flipped":
                weight = weight[..., ::-1, ::-1]
            case "weight mean over the batch":
                weight = weight / len(grad)
            case "weight's rows and columns swapped":
                weight = weight.swapaxes(2, 3)
            case "weight's channels swapped":
                weight = weight.swapaxes(0, 1)
            case "last column forgotten":
                back[..., -2] = 0
        self.weight.grad, self.bias.grad = weight, bias
        if fault == "crop from the corner":
            return back[..., :-2, :-2]
        if fault == "padding not cropped":
            return back
        return back[..., 1:-1, 1:-1]


class SquareConv2D(Conv2D):
    """As many channels out as in, where swapped channels still fit."""

    outputs, stride = 2, 1


class Conv1D:
    """y[b, t, o] = Σ W[k, i, o] x[b, t + k, i] + b[o]: no tinynn anywhere."""

    def __init__(self, fault=""):
        self.W, self.b = normal(3, 2, 3), normal(3, seed=1)
        self.fault = fault

    def forward(self, x):
        self.x, steps = x, x.shape[1] - 2
        return sum(x[:, k : k + steps] @ self.W[k] for k in range(3)) + self.b

    def backward(self, grad):
        steps = grad.shape[1]
        self.dW = np.stack([np.einsum("bti,bto->io", self.x[:, k : k + steps], grad) for k in range(3)])
        self.db = grad.sum(axis=(0, 1))
        back = np.zeros_like(self.x)
        for k in range(3):
            tap = 2 - k if self.fault == "kernel reversed in the input" else k
            back[:, k : k + steps] += grad @ self.W[tap].T
        match self.fault:
            case "bias summed over the batch only":
                self.db = grad.sum(axis=0)
            case "kernel reversed":
                self.dW = self.dW[::-1].copy()
            case "kernel without the last window":
                self.dW -= np.stack([np.einsum("bi,bo->io", self.x[:, steps + k - 1], grad[:, -1]) for k in range(3)])
            case "kernel's tap shifted":
                self.dW = np.roll(self.dW, 1, axis=0)
        return back


class Pool(Faulty):
    """Windows of 2 × 2 side by side, as (batch, channels, rows, columns, 4)."""

    def windows(self, x):
        self.shape = batch, channels, rows, columns = x.shape
        x = x.reshape(batch, channels, rows // 2, 2, columns // 2, 2)
        return x.swapaxes(3, 4).reshape(batch, channels, rows // 2, columns // 2, 4)

    def unfold(self, windows):
        return windows.reshape(*windows.shape[:-1], 2, 2).swapaxes(3, 4).reshape(self.shape)


class MaxPool(Pool):
    def forward(self, x):
        windows = self.windows(x)
        self.x, self.y, self.place = windows, windows.max(axis=-1), windows.argmax(axis=-1)
        return self.y

    def backward(self, grad):
        back, place, grad = np.zeros_like(self.x), self.place[..., None], grad[..., None]
        match self.fault:
            case "spread evenly":
                back += grad / 4
            case "sent to every entry":
                back += grad
            case "to all ties":
                back += grad * (self.x == self.y[..., None])
            case "argmin":
                np.put_along_axis(back, self.x.argmin(axis=-1)[..., None], grad, axis=-1)
            case "argmax of the first image":
                np.put_along_axis(back, np.broadcast_to(place[:1], place.shape), grad, axis=-1)
            case "argmax of the upstream":
                np.put_along_axis(back, np.full_like(place, np.argmax(grad) % 4), grad, axis=-1)
            case "place read column by column":
                np.put_along_axis(back, np.array([0, 2, 1, 3])[place], grad, axis=-1)
            case "times the maximum":
                np.put_along_axis(back, place, grad * self.y[..., None], axis=-1)
            case _:
                np.put_along_axis(back, place, grad, axis=-1)
        return self.unfold(back)


class MaxPoolOfCopies(MaxPool):
    """Of what was enlarged 2 × 2 before, so that all four entries of a window tie."""

    def forward(self, x):
        return super().forward(x.repeat(2, axis=2).repeat(2, axis=3))

    def backward(self, grad):
        return self.windows(super().backward(grad)).sum(axis=-1)


class AveragePool(Pool):
    def forward(self, x):
        return self.windows(x).mean(axis=-1)

    def backward(self, grad):
        share = {"1/k² forgotten": 1, "1/k instead of 1/k²": 2}.get(self.fault, 4)
        back = np.repeat(grad[..., None], 4, axis=-1) / share
        if self.fault == "first entry only":
            back[..., 1:] = 0
        if self.fault == "tiled instead of repeated":
            return np.tile(grad / share, (1, 1, 2, 2))
        return self.unfold(back)


class GlobalAverage(Faulty):
    """y = mean over rows and columns."""

    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, grad):
        batch, _, rows, columns = self.shape
        count = {
            "1/(rows · columns) forgotten": 1,
            "1/columns only": columns,
            "over the batch too": batch * rows * columns,
        }
        return np.broadcast_to(grad[..., None, None] / count.get(self.fault, rows * columns), self.shape).copy()


CASES = [
    *layer_cases(
        Conv2D,
        [
            ("kernel flipped in the input", UNCLEAR),
            ("windows overwrite one another", SOME),
            ("stride ignored in the input", SOME),
            ("last column forgotten", SOME),
            ("crop from the corner", ("permuted", *SOME)),
            ("padding not cropped", "shape"),
            ("bias of one position", (*UNCLEAR, "batch-sum"), "bias"),
            ("bias mean over the positions", "factor", "bias"),
            ("bias of the first image", "batch-sum", "bias"),
            ("weight flipped", "permuted", "weight"),
            ("weight mean over the batch", "batch-mean", "weight"),
            ("weight's rows and columns swapped", ("transposed", "permuted"), "weight"),
        ],
        input_shape=(3, 2, 5, 3),
    ),
    *layer_cases(
        SquareConv2D,
        [
            ("channels swapped in the input", UNCLEAR),
            ("weight's channels swapped", ("transposed", "permuted"), "weight"),
            ("crop from the corner", ("permuted", *SOME)),
        ],
        input_shape=(2, 2, 3, 4),
    ),
    *layer_cases(
        Conv1D,
        [
            ("kernel reversed in the input", SOME),
            ("bias summed over the batch only", ("shape", "batch-sum"), "b"),
            ("kernel reversed", "permuted", "W"),
            ("kernel without the last window", UNCLEAR, "W"),
            ("kernel's tap shifted", "permuted", "W"),
        ],
        input_shape=(3, 5, 2),
    ),
    *layer_cases(
        MaxPool,
        [
            ("spread evenly", SOME),
            ("sent to every entry", SOME),
            ("argmin", ("permuted", *SOME)),
            ("argmax of the first image", ("permuted", *SOME)),
            ("argmax of the upstream", ("nonlinear", *SOME)),
            ("place read column by column", ("permuted", *SOME)),
            ("times the maximum", ("entry-factor", *SOME)),
        ],
        input_shape=(3, 2, 4, 4),
    ),
    *layer_cases(MaxPoolOfCopies, [("to all ties", "factor")], input_shape=(3, 2, 2, 3)),
    *layer_cases(
        AveragePool,
        [
            ("1/k² forgotten", "factor"),
            ("1/k instead of 1/k²", "factor"),
            ("first entry only", SOME),
            ("tiled instead of repeated", ("permuted", *SOME)),
        ],
        input_shape=(2, 2, 4, 4),
    ),
    *layer_cases(
        GlobalAverage,
        [
            ("1/(rows · columns) forgotten", "factor"),
            ("1/columns only", "factor"),
            ("over the batch too", ("batch-mean", "factor")),
        ],
        input_shape=(5, 2, 3, 2),
    ),
]
