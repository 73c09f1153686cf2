"""Lesson 3: gradient descent, in one and in two dimensions.

To make a cost C(v) small, walk downhill: v → v' = v − η ∇C(v), again and again. The learning rate η is the
one thing to choose. Look at three things: how good the promise ΔC ≈ ∇C·Δv is, on which the whole method
rests; which η crawls, which arrives, which bounces and which explodes; and why a narrow valley makes every
η a bad compromise.

    python examples/03_simple_gradient_descent.py --plot descent.png
"""

import numpy as np
from lesson import arguments, figure, heading

STEPS = 40


def descend(gradient, start, learning_rate, steps=STEPS):
    """Follow −∇C from `start`. Returns every point visited, (steps + 1, *shape of start)."""
    path = [np.asarray(start, dtype=float)]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * gradient(path[-1]))
    return np.array(path)


def parabola(v):
    """C(v) = v², in one dimension; its only minimum is C(0) = 0."""
    return v**2


def parabola_gradient(v):
    return 2 * v


def valley(v):
    """C(v) = ½ v₁² + 10 v₂²: a valley, twenty times steeper across (v₂) than along (v₁)."""
    return 0.5 * v[..., 0] ** 2 + 10 * v[..., 1] ** 2


def valley_gradient(v):
    return np.array([v[0], 20 * v[1]])


def linear_promise(v, learning_rates):
    """One row per η: the change ∇C·Δv promised by the slope for Δv = −η ∇C, and the change that comes."""
    rows = []
    for learning_rate in learning_rates:
        step = -learning_rate * valley_gradient(v)
        rows.append((learning_rate, valley_gradient(v) @ step, valley(v + step) - valley(v)))
    return rows


def verdict(path, cost):
    """Say in a word what a walk did, from its first and its last cost."""
    first, last = cost(path[0]), cost(path[-1])
    if last > first * 1.001:
        return "diverges"
    if last > first * 0.999:
        return "never comes closer"
    return "arrives" if last < 1e-6 * first else "is on its way"


def main(argv=None):
    plot = arguments(__doc__, argv).plot

    heading("1. The promise: ΔC ≈ ∇C·Δv, at v = (2, 1) in the valley")
    print(f"{'η':>8} {'∇C·Δv':>12} {'ΔC':>12} {'off by':>9}")
    rows = linear_promise(np.array([2.0, 1.0]), (0.2, 0.05, 0.01, 0.001, 0.0001))
    for learning_rate, promised, real in rows:
        print(f"{learning_rate:8} {promised:12.4f} {real:12.4f} {abs(real / promised - 1):9.2%}")
    print("With Δv = −η ∇C the promise is −η ‖∇C‖², never positive: a small enough step goes downhill.")
    print("Ten times smaller η, ten times better kept; at η = 0.2 the step overshoots, and the cost grows.")

    heading(f"2. One dimension: C = v², {STEPS} steps from v = 1")
    print(f"{'η':>8} {'v':>12} {'(1 − 2η)ᵏ':>12}   this walk")
    for learning_rate in (0.001, 0.1, 0.5, 0.9, 1.0, 1.1):
        path = descend(parabola_gradient, 1.0, learning_rate)
        factor = (1 - 2 * learning_rate) ** STEPS
        print(f"{learning_rate:8} {path[-1]:12.3g} {factor:12.3g}   {verdict(path, parabola)}")
    print("Each step multiplies v by 1 − 2η: η = 0.5 lands on the minimum at once, η > 1 runs away.")

    heading(f"3. Two dimensions: C = ½ v₁² + 10 v₂², {STEPS} steps from v = (2, 1)")
    print(f"{'η':>8} {'v₁':>12} {'v₂':>12} {'C':>12}   this walk")
    walks = {rate: descend(valley_gradient, (2.0, 1.0), rate) for rate in (0.005, 0.05, 0.095, 0.102)}
    for learning_rate, path in walks.items():
        (v1, v2), cost = path[-1], valley(path[-1])
        print(f"{learning_rate:8} {v1:12.3g} {v2:12.3g} {cost:12.3g}   {verdict(path, valley)}")
    print("The steep direction allows η < 2/20 = 0.1 and no more, and the flat one, which would like η = 1,")
    print("has to crawl at that rate. Momentum, Adagrad, RMSprop and Adam (lesson 12) are answers to this.")

    if plot:
        draw(plot, walks)


def draw(file, walks):
    colors = dict(zip(walks, ("C4", "C0", "C1", "C2"), strict=True))
    with figure(file, 1, 3) as (line, plane, costs):
        v = np.linspace(-1.6, 1.6, 200)
        line.plot(v, parabola(v), color="0.7")
        for learning_rate, steps in ((0.1, 12), (0.9, 12), (1.1, 3)):
            path = descend(parabola_gradient, 0.9, learning_rate, steps)
            line.plot(path, parabola(path), "o-", markersize=4, linewidth=1, label=f"η = {learning_rate}")
        line.set(title="C = v²: one η glides, one bounces, one leaves", xlabel="v", ylabel="C(v)")
        line.legend()

        v1, v2 = np.meshgrid(np.linspace(-0.6, 2.3, 200), np.linspace(-1.3, 1.3, 200))
        surface = valley(np.stack([v1, v2], axis=-1))
        plane.contour(v1, v2, surface, levels=np.geomspace(0.02, 20, 12), colors="0.8", linewidths=0.8)
        for learning_rate in (0.05, 0.095, 0.102):
            path, color = walks[learning_rate][:16], colors[learning_rate]
            plane.plot(path[:, 0], path[:, 1], "o-", color=color, markersize=3, label=f"η = {learning_rate}")
        plane.set(title="A valley: across it the walk zigzags, along it crawls", xlabel="v₁", ylabel="v₂")
        plane.set(xlim=(-0.6, 2.3), ylim=(-1.3, 1.3))
        plane.legend(loc="lower left")

        for learning_rate, path in walks.items():
            costs.semilogy(valley(path), color=colors[learning_rate], label=f"η = {learning_rate}")
        costs.set(title="Faster, faster, and over the edge", xlabel="step", ylabel="C in the valley")
        costs.legend()


if __name__ == "__main__":
    main()
