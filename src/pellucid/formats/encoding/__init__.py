"""How the columns of a table become numbers, written in the languages of the exports: one language a file.

For C and ONNX they stand with these, in `c_source/columns.py` and `onnx/columns.py`.

Contract: each says what `TableEncoder.transform` says, bit by bit in double precision until the last rounding to
float32, for rows with missing cells and values that are new. `samples.py` makes rows to try it on.
"""
