"""Lesson 4: gradient descent on the mean squared error, for the simplest model there is: a line.

The model is a(x) = w x + b and the cost C(w, b) = 1/(2n) Σ (a(x) − y)². A line needs no descent, its best w
and b have a closed form; so here, for once, we can see that descent finds the very same numbers. Look at
two things: the agreement, digit by digit, and how many more steps the raw x needs than the standardised
one. It is the valley of lesson 3 again, and the reason why a network's inputs are scaled.

    python examples/04_mse_line_fit.py --plot line.png
"""

import numpy as np
from lesson import arguments, figure, heading


def make_data(samples=40, rng=0):
    """Points around the line y = 0.7 x + 3, x in [0, 10], with noise of standard deviation 1."""
    rng = np.random.default_rng(rng)
    x = rng.uniform(0, 10, samples)
    return x, 0.7 * x + 3 + rng.normal(0, 1, samples)


def cost(w, b, x, y):
    """C = 1/(2n) Σ (w x + b − y)². The half is there to cancel the 2 of the derivative."""
    return ((w * x + b - y) ** 2).mean() / 2


def gradient(w, b, x, y):
    """∂C/∂w = 1/n Σ (a − y) x ∂C/∂b = 1/n Σ (a − y): the error, times what the parameter multiplies."""
    error = w * x + b - y
    return (error * x).mean(), error.mean()


def descend(x, y, learning_rate, steps):
    """Gradient descent from w = b = 0. Returns every (w, b) visited, (steps + 1, 2)."""
    w, b = 0.0, 0.0
    path = [(w, b)]
    for _ in range(steps):
        slope_w, slope_b = gradient(w, b, x, y)
        w, b = w - learning_rate * slope_w, b - learning_rate * slope_b
        path.append((w, b))
    return np.array(path)


def closed_form(x, y):
    """Where the gradient is zero: w = Σ (x − x̄)(y − ȳ) / Σ (x − x̄)², b = ȳ − w x̄ (least squares)."""
    w = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return w, y.mean() - w * x.mean()


def curvatures(x):
    """How curved the bowl of C is along its axes, flattest first: the eigenvalues of its Hessian matrix."""
    return np.linalg.eigvalsh([[(x**2).mean(), x.mean()], [x.mean(), 1.0]])


def steps_until(path, goal, tolerance=1e-6):
    """The first step at which w and b both lie within `tolerance` of the goal."""
    return int(np.argmax(np.abs(path - goal).max(axis=1) < tolerance))


def main(argv=None):
    plot = arguments(__doc__, argv).plot
    x, y = make_data()
    best = closed_form(x, y)

    raw_path = descend(x, y, learning_rate=0.04, steps=2000)
    heading("1. The descent, η = 0.04")
    print(f"{'step':>8} {'w':>12} {'b':>12} {'C':>12}")
    for step in (0, 1, 10, 100, 1000, 2000):
        w, b = raw_path[step]
        print(f"{step:8} {w:12.8f} {b:12.8f} {cost(w, b, x, y):12.8f}")
    print(f"{'closed':>8} {best[0]:12.8f} {best[1]:12.8f} {cost(*best, x, y):12.8f}")
    print(f"largest difference from the closed form: {np.abs(raw_path[-1] - best).max():.1e}")
    print("The cost does not reach zero: what remains is the noise, which no line can follow.")

    scaled = (x - x.mean()) / x.std()
    scaled_path = descend(scaled, y, learning_rate=1.0, steps=2000)
    heading("2. The same line, with x as it came and x standardised to mean 0, deviation 1")
    print(f"{'':>14} {'flattest':>10} {'steepest':>10} {'η below':>10} {'steps to 1e-6':>14}")
    for name, inputs, path in (("x in [0, 10]", x, raw_path), ("standardised x", scaled, scaled_path)):
        flat, steep = curvatures(inputs)
        steps = steps_until(path, closed_form(inputs, y))
        print(f"{name:>14} {flat:10.3f} {steep:10.3f} {2 / steep:10.3f} {steps:14}")
    print("Standardised, the bowl is round, and one step of η = 1 reaches its bottom.")

    if plot:
        draw(plot, x, y, raw_path, best)


def draw(file, x, y, path, best):
    with figure(file, 1, 2, width=6) as (data, bowl):
        ends = np.array([0.0, 10.0])
        data.plot(x, y, "o", color="0.6", markersize=4)
        for step, shade in ((0, 0.2), (1, 0.4), (10, 0.6), (100, 0.8), (2000, 1.0)):
            w, b = path[step]
            data.plot(ends, w * ends + b, color="C0", alpha=shade, label=f"step {step}")
        data.plot(ends, best[0] * ends + best[1], "--", color="C3", label="closed form")
        data.set(title="The line turns first, and lifts slowly", xlabel="x", ylabel="y")
        data.legend()

        w, b = np.meshgrid(np.linspace(-0.1, 1.9, 150), np.linspace(-0.5, 4.5, 150))
        surface = np.vectorize(lambda w, b: cost(w, b, x, y))(w, b)
        bowl.contour(w, b, surface, levels=np.geomspace(0.5, 30, 14), colors="0.8", linewidths=0.8)
        bowl.plot(path[:, 0], path[:, 1], "o-", markersize=2.5, linewidth=1)
        bowl.plot(*best, "*", color="C3", markersize=14, label="closed form")
        bowl.set(title="A few swings across the valley, hundreds of steps along", xlabel="w", ylabel="b")
        bowl.legend()


if __name__ == "__main__":
    main()
