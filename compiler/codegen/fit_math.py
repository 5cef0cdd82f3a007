#!/usr/bin/env python3
"""Makes the coefficients of math.c: minimax fits in relative error, printed as floats.

Each fit weighs the points of a Chebyshev grid anew until the largest errors are level (Lawson's method), in 60 digits.
Usage: fit_math.py        needs mpmath and numpy."""
import mpmath as mp
import numpy as np

mp.mp.dps = 60


def grid(a, b, n=240):
    return [(a + b) / 2 + (b - a) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * n)) for i in range(n)]


def solve(rows, rhs, weights):
    """Weighted least squares by normal equations (60 digits bear the squared condition)."""
    n = len(rows[0])
    a, v = mp.zeros(n, n), mp.zeros(n, 1)
    for row, y, w in zip(rows, rhs, weights):
        for i in range(n):
            wi = w * row[i]
            v[i] += wi * y
            for j in range(i, n):
                a[i, j] += wi * row[j]
    for i in range(n):
        for j in range(i):
            a[i, j] = a[j, i]
    return list(mp.lu_solve(a, v))


def fit(target, scale, a, b, degree, rounds=40):
    """The polynomial near target on [a, b]; the error counts divided by scale(x)."""
    xs = grid(mp.mpf(a), mp.mpf(b))
    f, s = [target(x) for x in xs], [scale(x) for x in xs]
    rows = [[x**i for i in range(degree + 1)] for x in xs]
    w, best = [mp.mpf(1)] * len(xs), None
    for _ in range(rounds):
        c = solve(rows, f, [wi / si**2 for wi, si in zip(w, s)])
        err = [abs(mp.polyval(c[::-1], x) - y) / si for x, y, si in zip(xs, f, s)]
        worst = max(err)
        if best is None or worst < best[0]:
            best = worst, c
        w = [wi * (e / worst + mp.mpf("1e-3")) for wi, e in zip(w, err)]
        total = sum(w)
        w = [wi / total for wi in w]
    return best


def show(name, best):
    worst, c = best
    print(f"{name}: largest error {mp.nstr(worst, 3)}")
    print("  ", ", ".join(repr(float(np.float32(float(x)))) for x in c))


def expm1_rest(r):  # (e^r - 1 - r) / r^2
    return mp.fsum(r**i / mp.factorial(i + 2) for i in range(30))


def log_rest(f):  # (log(1 + f) - f + f^2/2) / f^3
    if abs(f) < mp.mpf("1e-6"):
        return mp.mpf(1) / 3 - f / 4 + f**2 / 5 - f**3 / 6
    return (mp.log(1 + f) - f + f * f / 2) / f**3


def erf_rest(s):  # erf(x) / x - 1 with s = x^2
    x = mp.sqrt(s)
    return (mp.erf(x) / x if x else 2 / mp.sqrt(mp.pi)) - 1


def erfc_root(x):  # its fourth power is 1 - erf(x)
    return mp.root(mp.erfc(x), 4)


if __name__ == "__main__":
    half = mp.log(2) / 2
    show("exp: (e^r - 1 - r) / r^2", fit(expm1_rest, lambda r: mp.exp(r) / (r * r + mp.mpf("1e-4")), -half, half, 4))
    show("expm1", fit(expm1_rest, lambda r: abs(mp.expm1(r)) / (r * r + mp.mpf("1e-4")), -half, half, 5))
    show("log: (log(1 + f) - f + f^2/2) / f^3",
         fit(log_rest, lambda f: abs(mp.log(1 + f)) / (abs(f) ** 3 + mp.mpf("1e-5")),
             mp.sqrt(2) / 2 - 1, mp.sqrt(2) - 1, 8))
    split = mp.mpf("1.1")
    show("erf below 1.1: erf(x) / x - 1 in x^2", fit(erf_rest, lambda s: erf_rest(s) + 1, 0, split**2, 6))
    show("erf above: (1 - erf(x))^(1/4), absolute error of erf",
         fit(erfc_root, lambda x: 1 / (4 * erfc_root(x) ** 3), split, 4, 7))
