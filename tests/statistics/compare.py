#!/usr/bin/env python3
"""Random experiments, judged by scipy from every entity's values and by our program from the sums alone.

What scipy has as a whole (Welch's test with its interval, chi-square, the distributions) is asked of scipy; what it does not have
(posterior, delta method, confidence sequences, CUPED) is computed here from the raw values with numpy.

    compare.py path/to/judge [--cases 4000] [--seed 1]
"""
import argparse
import json
import math
import subprocess
import sys

import numpy as np
from scipy import integrate, stats

RELATIVE = 1e-6


def sums(values, denominator=None, covariate=None):
    beside = lambda other: None if other is None else {
        "sum": float(other.sum()), "sum_squares": float((other**2).sum()), "sum_products": float((values * other).sum())}
    return {"n": len(values), "sum": float(values.sum()), "sum_squares": float((values**2).sum()),
            "denominator": beside(denominator), "covariate": beside(covariate)}


class Experiment:
    """One control and one treatment with a value, and perhaps a second one, per entity."""

    def __init__(self, rng):
        self.measure = rng.choice(["mean", "proportion", "ratio"])
        self.sizes = np.exp(rng.uniform(math.log(20), math.log(3_000), 2)).astype(int)
        lift = rng.choice([0.0, 0.0, 0.02, 0.1, -0.1, 0.4])
        self.values = [self.draw(rng, size, 1.0 if side == 0 else 1.0 + lift) for side, size in enumerate(self.sizes)]
        self.difference = str(rng.choice(["relative", "absolute"]))
        self.alpha = float(rng.choice([0.01, 0.05, 0.1, 0.2]))
        self.goal = str(rng.choice(["increase", "decrease"]))
        self.prior = None if rng.random() < 0.6 else [float(rng.normal(0, 0.1)), float(rng.uniform(0.001, 0.5))]
        self.tuning = float(np.exp(rng.uniform(0, math.log(1e6))))
        self.cuped = bool(self.measure != "ratio" and rng.random() < 0.4)
        # What was before tells something of what came after.
        self.before = [self.earlier(rng, values) for values, _ in self.values] if self.cuped else [None, None]

    def draw(self, rng, size, factor):
        if self.measure == "proportion":
            return (rng.random(size) < 0.3 * factor).astype(float), None
        if self.measure == "ratio":
            denominator = 1.0 + rng.poisson(3, size)
            return rng.poisson(denominator * 2 * factor).astype(float), denominator
        kind = rng.integers(3)
        if kind == 0:
            return rng.poisson(4 * factor, size).astype(float), None
        if kind == 1:
            return rng.normal(50 * factor, 12, size), None
        return np.where(rng.random(size) < 0.4, rng.lognormal(3, 0.7, size), 0.0) * factor, None

    def earlier(self, rng, values):
        if self.measure == "proportion":
            return np.where(rng.random(len(values)) < 0.6, values, (rng.random(len(values)) < 0.3).astype(float))
        return 0.7 * values + rng.normal(values.mean(), values.std() + 0.1, len(values))

    def line(self):
        control, treatment = [sums(*values, before) for values, before in zip(self.values, self.before)]
        return {"measure": str(self.measure), "control": control, "treatment": treatment, "difference": self.difference,
                "alpha": self.alpha, "goal": self.goal, "prior": self.prior, "tuning": self.tuning, "cuped": self.cuped}

    def means_and_variances(self):
        """Of each side: estimate, variance of an entity around it, the mean that relative differences divide by."""
        found = []
        for values, other in self.values:
            if self.measure == "ratio":
                # The delta method as linearisation: the variance of the residuals of the ratio.
                ratio = values.mean() / other.mean()
                found.append((ratio, np.var((values - ratio * other) / other.mean(), ddof=1), ratio))
            elif self.measure == "proportion":
                found.append((values.mean(), np.var(values), values.mean()))
            else:
                found.append((values.mean(), np.var(values, ddof=1), values.mean()))
        theta = None
        if self.cuped:
            pooled = np.cov(np.concatenate([v for v, _ in self.values]), np.concatenate(self.before))
            theta = pooled[0, 1] / pooled[1, 1]
            for side, (values, _) in enumerate(self.values):
                mean, variance, reference = found[side]
                both = np.cov(values, self.before[side])
                adjusted = variance + theta**2 * both[1, 1] - 2 * theta * both[0, 1]
                found[side] = (mean - theta * self.before[side].mean(), max(adjusted, 1e-10), reference)
        return found, theta

    def expected(self):
        ((c, vc, reference), (t, vt, _)), theta = self.means_and_variances()
        nc, nt = (int(size) for size in self.sizes)
        if self.difference == "absolute":
            effect, variance = t - c, vt / nt + vc / nc
        else:
            effect, variance = (t - c) / reference, vt / nt / reference**2 + t**2 * vc / nc / reference**4
        error = math.sqrt(variance)
        answer = {"theta": theta, "means": [c, t], "variances": [vc, vt]}
        answer["frequentist"] = self.welch(effect, error, vt / nt, vc / nc)
        answer["bayesian"] = self.posterior(effect, variance)
        answer["sequential"] = self.watched(effect, error, nc + nt)
        return answer

    def welch(self, effect, error, a, b):
        nc, nt = self.sizes
        freedom = (a + b) ** 2 / (a**2 / (nt - 1) + b**2 / (nc - 1))
        margin = stats.t.ppf(1 - self.alpha / 2, freedom) * error
        answer = {"effect": effect, "standard_error": error, "df": freedom, "p": 2 * stats.t.sf(abs(effect) / error, freedom),
                  "interval": [effect - margin, effect + margin]}
        if self.measure == "mean" and self.difference == "absolute" and not self.cuped:
            # scipy's own test, from the raw values.
            test = stats.ttest_ind(self.values[1][0], self.values[0][0], equal_var=False)
            interval = test.confidence_interval(1 - self.alpha)
            answer |= {"df": float(test.df), "p": float(test.pvalue), "interval": [float(interval.low), float(interval.high)]}
        return answer

    def posterior(self, effect, variance):
        mean, spread = effect, variance
        if self.prior is not None:
            spread = 1 / (1 / self.prior[1] + 1 / variance)
            mean = spread * (self.prior[0] / self.prior[1] + effect / variance)
        posterior = stats.norm(mean, math.sqrt(spread))
        chance = posterior.sf(0) if self.goal == "increase" else posterior.cdf(0)
        z = mean / math.sqrt(spread)
        density = math.sqrt(spread) * stats.norm.pdf(z)
        return {"effect": mean, "standard_error": math.sqrt(spread), "chance_to_win": chance,
                "interval": list(posterior.interval(1 - self.alpha)),
                "risk": [mean * stats.norm.cdf(z) + density, -mean * stats.norm.cdf(-z) + density]}

    def watched(self, effect, error, n):
        rho2 = (-2 * math.log(self.alpha) + math.log(-2 * math.log(self.alpha) + 1)) / self.tuning
        half = error * math.sqrt(2 * (n * rho2 + 1) / (n * rho2) * math.log(math.sqrt(n * rho2 + 1) / self.alpha))
        # p is the α at which the interval's edge is at 0, for the ρ of the α that was asked for.
        evidence = (effect / error) ** 2 * n * rho2 / (2 * (n * rho2 + 1)) - math.log(n * rho2 + 1) / 2
        return {"half_width": half, "p": min(1.0, math.exp(-evidence))}


def experiments(rng, cases):
    for _ in range(cases):
        experiment = Experiment(rng)
        if all(values.sum() > 0 and 0 < values.std() for values, _ in experiment.values):
            yield experiment.line(), experiment.expected()


def mismatches(rng, cases):
    for _ in range(cases):
        shares = rng.dirichlet(np.full(rng.integers(2, 8), 4.0))
        seen = rng.multinomial(rng.integers(100, 200_000), shares if rng.random() < 0.7 else rng.dirichlet(shares * 50 + 1))
        test = stats.chisquare(seen, shares * seen.sum())
        yield {"variants": [[int(n), float(100 * share)] for n, share in zip(seen, shares)]}, {"chi_square": test.statistic, "p": test.pvalue}


def bounds(rng, cases):
    for _ in range(cases):
        size = rng.integers(1, 400)
        values = np.where(rng.random(size) < 0.4, 0.0, rng.lognormal(1, 1, size).round(1))
        lower, upper, ignore = float(rng.uniform(0, 0.5)), float(rng.uniform(0.5, 1)), bool(rng.random() < 0.5)
        at = lambda values, level: float(np.sort(values)[min(int(level * len(values)), len(values) - 1)]) if len(values) else None
        yield ({"values": values.tolist(), "lower": lower, "upper": upper, "ignore_zeros": ignore},
               {"lower": at(values, lower), "upper": at(values[values != 0] if ignore else values, upper)})


def student(rng, cases):
    for _ in range(cases):
        freedom = float(np.exp(rng.uniform(0, math.log(1e8))))
        if rng.random() < 0.5:
            t = float(rng.uniform(-12, 12))
            yield {"t": t, "df": freedom}, float(2 * stats.t.sf(abs(t), freedom))
        else:
            probability = float(1 - np.exp(rng.uniform(math.log(1e-6), math.log(0.4))))
            yield {"probability": probability, "df": freedom}, float(stats.t.ppf(probability, freedom))


def differs(found, expected, scale=0.0):
    """The path of the first difference, or None. Differences of large numbers are as exact as the large numbers are."""
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return f"{found} instead of {expected}"
        scale = max([scale] + [abs(expected[name]) for name in ("effect", "standard_error") if name in expected])
        for name, value in expected.items():
            if problem := differs(found.get(name), value, scale):
                return f"{name}: {problem}"
        return None
    if isinstance(expected, (list, tuple)):
        problems = [differs(a, b, scale) for a, b in zip(found, expected)]
        return next((problem for problem in problems if problem), None) or (None if len(found) == len(expected) else "another length")
    if expected is None or found is None:
        return None if expected is found else f"{found} instead of {expected}"
    if math.isclose(found, expected, rel_tol=RELATIVE, abs_tol=max(1e-300, RELATIVE * 1e-3 * scale)):
        return None
    return f"{found} instead of {expected}"


def check_the_check():
    """Expected losses are integrals; and a difference is a difference."""
    loss = integrate.quad(lambda x: max(x, 0) * stats.norm.pdf(x, 0.1, 0.2), -3, 3, points=[0.0])[0]
    assert math.isclose(loss, 0.1 * stats.norm.cdf(0.5) + 0.2 * stats.norm.pdf(0.5), rel_tol=1e-6)
    assert differs({"effect": 1.0}, {"effect": 1.00001}) and not differs({"effect": 1.0}, {"effect": 1.0 + 1e-9})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("judge")
    parser.add_argument("--cases", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    check_the_check()
    rng = np.random.default_rng(options.seed)
    sources = [(experiments, options.cases), (mismatches, options.cases // 4), (bounds, options.cases // 4), (student, options.cases)]
    cases = [case for source, count in sources for case in source(rng, count)]
    program = subprocess.run([options.judge], input="".join(json.dumps(line) + "\n" for line, _ in cases), stdout=subprocess.PIPE, text=True, check=True)
    answers = [json.loads(line) for line in program.stdout.splitlines()]
    assert len(answers) == len(cases), f"{len(answers)} answers to {len(cases)} questions"
    wrong = [(line, problem) for (line, expected), found in zip(cases, answers) if (problem := differs(found, expected))]
    for line, problem in wrong[:10]:
        print(f"{problem}\n    in {json.dumps(line)[:600]}")
    print(f"{len(cases)} cases, {len(wrong)} differ by more than a millionth")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
