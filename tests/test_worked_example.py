"""A 2-3-2 network of sigmoid neurons worked by hand, digit by digit: the four equations of backpropagation.

Two samples, the quadratic cost C = 1/(2n) Σₓ ‖y − a‖² with n = 2, learning rate η = 0.5. All numbers below
were worked with exact decimal arithmetic and e^−z to 30 digits, and are written to 10. Nielsen, chapter 2:

BP1  δᴸ = ∇ₐC ⊙ σ'(zᴸ)        BP3  ∂C/∂b = δ
BP2  δˡ = (Wᵀ δ) ⊙ σ'(zˡ)     BP4  ∂C/∂W[j, k] = aₖ δⱼ

The factor 1/n stands in ∇ₐC, so BP3 and BP4 are sums over the samples.
"""

from __future__ import annotations

import numpy as np
import pytest

import tinynn as nn

X = [[0.5, -1.0], [1.0, 0.25]]
Y = [[1.0, 0.0], [0.0, 1.0]]
W1, B1 = [[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]], [0.1, -0.1, 0.2]
W2, B2 = [[0.7, -0.8, 0.9], [-0.3, 0.2, 0.5]], [0.05, -0.15]

# ---- forward ------------------------------------------------------------------------------------
# First sample x = (0.5, −1):
#   z₁ = 0.1·0.5 + (−0.2)(−1) + 0.1 = 0.05 + 0.2 + 0.1 =  0.35
#   z₂ = 0.3·0.5 +   0.4 (−1) − 0.1 = 0.15 − 0.4 − 0.1 = −0.35
#   z₃ = −0.5·0.5 +  0.6 (−1) + 0.2 = −0.25 − 0.6 + 0.2 = −0.65
# Second sample x = (1, 0.25): 0.1 − 0.05 + 0.1 = 0.15; 0.3 + 0.1 − 0.1 = 0.3; −0.5 + 0.15 + 0.2 = −0.15.
Z1 = [[0.35, -0.35, -0.65], [0.15, 0.30, -0.15]]
# σ(0.35) = 1 / (1 + 0.7046880897) = 0.5866175789, σ(−0.35) = 1 − σ(0.35),
# σ(−0.65) = 1 / (1 + 1.9155408290), σ(0.15) = 1 / (1 + 0.8607079764), σ(0.3) = 1 / (1 + 0.7408182207).
A1 = [[0.5866175789, 0.4133824211, 0.3429895373], [0.5374298453, 0.5744425168, 0.4625701547]]
# First sample: 0.7·0.5866175789 − 0.8·0.4133824211 + 0.9·0.3429895373 + 0.05
#                 = 0.4106323052 − 0.3307059369 + 0.3086905836 + 0.05 = 0.4386169520 (after rounding once)
#              −0.3·0.5866175789 + 0.2·0.4133824211 + 0.5·0.3429895373 − 0.15
#                 = −0.1759852737 + 0.0826764842 + 0.1714947687 − 0.15 = −0.0718140208
Z2 = [[0.4386169520, -0.0718140208], [0.3829600175, 0.0349446271]]
A2 = [[0.6079294288, 0.4820542067], [0.5945868243, 0.5087352679]]
# C = ¼ ((1 − 0.6079294288)² + 0.4820542067² + 0.5945868243² + (1 − 0.5087352679)²)
#   = ¼ (0.1537193328 + 0.2323762582 + 0.3535334916 + 0.2413410370)
COST = 0.2452425299

# ---- backward -----------------------------------------------------------------------------------
# ∇ₐC = (a − y) / 2: (0.6079294288 − 1) / 2 = −0.1960352856, 0.4820542067 / 2 = 0.2410271034, …
GRADIENT_A = [[-0.1960352856, 0.2410271034], [0.2972934122, -0.2456323661]]
# σ'(z) = a (1 − a): 0.6079294288 · 0.3920705712 = 0.2383512384, 0.4820542067 · 0.5179457933 = 0.2496779485,
#                    0.5945868243 · 0.4054131757 = 0.2410533327, 0.5087352679 · 0.4912647321 = 0.2499236951.
# BP1: −0.1960352856 · 0.2383512384 = −0.0467252531, 0.2410271034 · 0.2496779485 = 0.0601791527, …
DELTA2 = [[-0.0467252531, 0.0601791527], [0.0716635678, -0.0613893486]]
# W2ᵀ δ², first sample: 0.7 (−0.0467252531) − 0.3 · 0.0601791527 = −0.0327076772 − 0.0180537458 = −0.0507614230
#                      −0.8 (−0.0467252531) + 0.2 · 0.0601791527 =  0.0373802025 + 0.0120358305 =  0.0494160330
#                       0.9 (−0.0467252531) + 0.5 · 0.0601791527 = −0.0420527278 + 0.0300895764 = −0.0119631514
BACK = [[-0.0507614230, 0.0494160330, -0.0119631514], [0.0685813020, -0.0696087239, 0.0338025367]]
# σ'(z¹) = 0.2424973950, 0.2424973950, 0.2253477146; 0.2485990067, 0.2444583117, 0.2485990067.
# BP2: −0.0507614230 · 0.2424973950 = −0.0123095128, …
DELTA1 = [[-0.0123095128, 0.0119832593, -0.0026958688], [0.0170492436, -0.0170164311, 0.0084032771]]
# W1ᵀ δ¹, first sample: 0.1 (−0.0123095128) + 0.3 · 0.0119832593 − 0.5 (−0.0026958688) = 0.0037119609, …
GRADIENT_X = [[0.0037119609, 0.0056376850], [-0.0076016435, -0.0051744549]]

# BP4, W2[0, 0]: 0.5866175789 (−0.0467252531) + 0.5374298453 · 0.0716635678
#                = −0.0274098548 + 0.0385141401 = 0.0111042853
GRADIENT_W2 = [[0.0111042853, 0.0218512020, 0.0171231547], [0.0023096808, -0.0103876481, -0.0077560607]]
# BP3: −0.0467252531 + 0.0716635678 = 0.0249383147, 0.0601791527 − 0.0613893486 = −0.0012101959
GRADIENT_B2 = [0.0249383147, -0.0012101959]
# BP4, W1[0, 0]: 0.5 (−0.0123095128) + 1 · 0.0170492436 = 0.0108944871 (after rounding once)
#      W1[0, 1]: −1 (−0.0123095128) + 0.25 · 0.0170492436 = 0.0165718237
GRADIENT_W1 = [[0.0108944871, 0.0165718237], [-0.0110248015, -0.0162373671], [0.0070553426, 0.0047966881]]
GRADIENT_B1 = [0.0047397307, -0.0050331719, 0.0057074082]

# ---- one step of gradient descent, w ← w − 0.5 ∂C/∂w --------------------------------------------
# 0.1 − 0.5 · 0.0108944871 = 0.0945527564, 0.7 − 0.5 · 0.0111042853 = 0.6944478573, …
NEW_W1 = [[0.0945527564, -0.2082859119], [0.3055124007, 0.4081186835], [-0.5035276713, 0.5976016560]]
NEW_B1 = [0.0976301346, -0.0974834141, 0.1971462959]
NEW_W2 = [[0.6944478573, -0.8109256010, 0.8914384227], [-0.3011548404, 0.2051938240, 0.5038780304]]
NEW_B2 = [0.0375308427, -0.1493949021]
# ΔC ≈ ∇C · Δv = −η ‖∇C‖² = −0.5 · 0.0026224 = −0.0013112; from the new weights it is −0.0012943.
NEW_COST = 0.2439482235


@pytest.fixture(params=[np.float32, np.float64])
def dtype(request):
    return request.param


@pytest.fixture
def near(dtype):
    """Equal to all ten digits that are written above, or to float32's seven."""
    tolerance = 2e-10 if dtype == np.float64 else 2e-7

    def compare(got, expected):
        np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)

    return compare


@pytest.fixture
def model(dtype):
    network = nn.Sequential(nn.Dense(2, 3), nn.Sigmoid(), nn.Dense(3, 2), nn.Sigmoid()).astype(dtype)
    network[0].weight.value, network[0].bias.value = W1, B1
    network[2].weight.value, network[2].bias.value = W2, B2
    return network


def test_layer_by_layer(model, near, dtype):
    """Every number of the forward and of the backward pass."""
    x, y = np.array(X, dtype), np.array(Y, dtype)
    for layer, expected in zip(model, (Z1, A1, Z2, A2), strict=True):
        x = layer.forward(x).copy()
        near(x, expected)
    loss = nn.MSE()
    near(loss.forward(x, y), COST)
    grad = loss.backward()
    near(grad, GRADIENT_A)
    for layer, expected in zip(reversed(list(model)), (DELTA2, BACK, DELTA1, GRADIENT_X), strict=True):
        grad = layer.backward(grad).copy()
        near(grad, expected)


@pytest.mark.parametrize("whole", [True, False], ids=["backward", "backward_parameters"])
def test_the_whole_step(model, near, dtype, whole):
    """The same through Sequential, then the optimizer's step, then the new cost."""
    loss, optimizer = nn.MSE(), nn.SGD(model, learning_rate=0.5)
    x, y = np.array(X, dtype), np.array(Y, dtype)
    near(loss.forward(model.forward(x), y), COST)
    if whole:
        near(model.backward(loss.backward()), GRADIENT_X)
    else:
        model.backward_parameters(loss.backward())
    near(model[0].weight.grad, GRADIENT_W1)
    near(model[0].bias.grad, GRADIENT_B1)
    near(model[2].weight.grad, GRADIENT_W2)
    near(model[2].bias.grad, GRADIENT_B2)
    optimizer.step()
    near(model[0].weight.value, NEW_W1)
    near(model[0].bias.value, NEW_B1)
    near(model[2].weight.value, NEW_W2)
    near(model[2].bias.value, NEW_B2)
    near(loss.forward(model.forward(x), y), NEW_COST)


def test_the_step_is_as_long_as_the_lecture_says(model):
    """ΔC ≈ −η ‖∇C‖²: the change of the cost, foretold from the gradient."""
    squares = sum(np.sum(np.square(g)) for g in (GRADIENT_W1, GRADIENT_B1, GRADIENT_W2, GRADIENT_B2))
    assert pytest.approx(-0.5 * squares, rel=0.02) == NEW_COST - COST
