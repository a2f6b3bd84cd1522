"""Storage: how numbers and parts become bytes and come back. Model files and checkpoints stand on it.

    atomic.py     a file that is there whole or not at all
    strict_json.py    JSON from a stranger's hands
    tensor_file.py    the safetensors layout, every size checked before anything is allocated
    trees.py      nested plain values with arrays in them, as JSON and tensors
    networks.py   a network as plain data, and back
    digests.py    SHA-256 of arrays

Nothing here is ever pickled, and nothing that is read is ever run.
"""
