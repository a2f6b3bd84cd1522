"""Formulas: their values against NumPy's own, and all that is no formula."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.playground.features import FUNCTIONS, Formula, FormulaError, check_formula, finite

X1 = np.array([-2.0, -0.5, 0.25, 1.0, 3.0])
X2 = np.array([0.5, -1.5, 2.0, -3.0, 0.125])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x1", X1),
        ("x1 + x2 * x1", X1 + X2 * X1),
        ("(x1 + x2) * x1", (X1 + X2) * X1),
        ("x1 - x2 - 1", X1 - X2 - 1),
        ("x1 / x2 / 2", X1 / X2 / 2),
        ("2^x1^2", 2 ** (X1**2)),  # powers bind from the right
        ("-x1^2", -(X1**2)),
        ("2*-x1", -2 * X1),
        ("sin(pi*x1) + cos(x2)", np.sin(np.pi * X1) + np.cos(X2)),
        ("max(x1, abs(x2))", np.maximum(X1, np.abs(X2))),
        ("x₁² · x₂", X1**2 * X2),
        ("X**2 + Y**2", X1**2 + X2**2),
        ("1e-3*x1 + .5", 1e-3 * X1 + 0.5),
        ("7", np.full(5, 7.0)),
    ],
)
def test_a_formula_has_the_value_that_is_written(text, value) -> None:
    assert Formula.parse(text).values(X1, X2) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')", "open('x')", "x1.__class__", "(lambda: 1)()", "x1; x2", "x1 if x1 else x2",
        "eval(x1)", "exec", "x1[0]", "{x1}", "x1 == x2", "x1 % 2", "x1 // 2", "`x1`", "'x1'", "x1 x2", "2x1", "", " ",
        "()", "(x1", "x1)", "sin", "sin x1", "sin()", "sin(x1, x2)", "max(x1)", "x1 +", "* x1", "1e999", "1/0", "0^-1",
        "x3", "e",
        "x1 & x2", "x1\n=x2", "\x00", "０", "x1" + "+x1" * 60, "(" * 60 + "x1" + ")" * 60, "-" * 100 + "x1", "log(-1)",
    ],
)  # fmt: skip
def test_what_is_no_formula_is_refused_with_words(text) -> None:
    with pytest.raises(FormulaError, match=r"formula|finite") as refused:
        check_formula(text)
    assert len(str(refused.value)) < 600


def test_an_error_names_the_place_and_what_is_allowed() -> None:
    with pytest.raises(
        FormulaError, match=r"'cosh' is unknown \(character 6\)\. Allowed: numbers, x1, x2, pi, .* max\."
    ):
        Formula.parse("x1 + cosh(x2)")


def formulas() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["x1", "x2", "pi", "2", "0.5", "3.25"])

    def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        binary = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "^"]), inner).map(
            lambda t: f"({t[0]}){t[1]}({t[2]})"
        )
        plain = st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(" ".join)
        single = [name for name in FUNCTIONS if name not in ("min", "max")]
        call = st.tuples(st.sampled_from(single), inner).map(lambda t: f"{t[0]}({t[1]})")
        two = st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})")
        return st.one_of(binary, plain, call, two, inner.map(lambda t: f"-{t}"))

    return st.recursive(leaves, wider, max_leaves=6)


@given(formulas())
def test_the_python_expression_gives_the_same_bits(text: str) -> None:
    try:
        formula = Formula.parse(text)
    except FormulaError:
        return  # too long, or a part of it is not finite
    with np.errstate(all="ignore"):
        value = eval(formula.python(), {"np": np, "x1": X1, "x2": X2})
    assert np.array_equal(np.broadcast_to(value, 5), formula.values(X1, X2), equal_nan=True)


@given(st.text(max_size=200))
def test_any_text_is_a_formula_or_refused(text: str) -> None:
    with contextlib.suppress(FormulaError):
        Formula.parse(text).values(X1, X2)


def test_what_is_not_finite_becomes_something_a_network_can_be_given() -> None:
    assert finite([np.nan, np.inf, -np.inf, 2.0]).tolist() == [0.0, 1e6, -1e6, 2.0]
    assert np.isfinite(finite(Formula.parse("log(x1)").values(X1, X2))).all()


def test_a_formula_that_is_nowhere_finite_is_refused() -> None:
    with pytest.raises(FormulaError, match="not finite on most of the plane"):
        check_formula("sqrt(-1 - x1*x1)")
