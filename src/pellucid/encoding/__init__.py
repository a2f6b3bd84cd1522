"""Frozen encoders of columns: how the columns of a table become the rows of numbers that a network takes.

Contract: an encoder is measured once and never changes; it travels with its network. This room knows what a cell is
and what becomes of a column of each kind, whoever read it; `pellucid.tables` reads files and finds out the kinds.
NumPy alone.
"""
