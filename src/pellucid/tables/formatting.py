"""Formatting numbers for display."""

from __future__ import annotations


def minus(number: str) -> str:
    """A number in words, its minus a minus sign, and none in front of a rounded 0."""
    return number.replace("-", "−") if number.strip("+-0.,") else number.replace("-", "")


def in_digits(value: float) -> str:
    """A number with four digits, from a thousand on whole and with its thousands marked: 0.01235, 12.35, 28,741.

    >>> in_digits(28741.3), in_digits(-0.5), in_digits(7.0)
    ('28,741', '−0.5', '7')
    """
    large = 1000 <= abs(value) < 1e15
    return minus(f"{value:,.0f}" if large else f"{value:.4g}")
