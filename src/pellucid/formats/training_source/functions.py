"""The functions that a training program may call, each written only where it is called."""

from __future__ import annotations

import re

FUNCTIONS = {
    "sigmoid": '''\
def sigmoid(z):
    """1 / (1 + exp(-z)), in a form that cannot overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))''',
    "softmax": '''\
def softmax(z):
    """exp(z) / sum(exp(z)) over each row; the shift by its largest number keeps exp from overflowing."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)''',
    "softplus": '''\
def softplus(z):
    """log(1 + exp(z)), without overflow."""
    return np.logaddexp(z, z.dtype.type(0))''',
    "normal_share": '''\
def normal_share(z):
    """Φ(z) = ½(1 + erf(z/√2)), the normal distribution function; NumPy has no erf, so number by number."""
    share = [0.5 * (1 + math.erf(value * math.sqrt(0.5))) for value in z.ravel()]
    return np.array(share, dtype=z.dtype).reshape(z.shape)''',
    "normal_density": '''\
def normal_density(z):
    """φ(z) = exp(−z²/2)/√(2π), the derivative of Φ."""
    return np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)''',
    "dropout_mask": '''\
def dropout_mask(x, rate, layer, step):
    """0 for the fraction `rate` of the numbers of x and 1/(1 − rate) for the others; in prediction, 1."""
    if step is None:
        return 1
    rate = rate(step) if callable(rate) else rate
    kept = random_words(x.shape, FOR_LAYER, layer, step) >= round(rate * 2**32)
    return kept.astype(x.dtype) / x.dtype.type(1 - rate)''',
    "noise": '''\
def noise(x, scale, layer, step):
    """Normal numbers with the standard deviation `scale`; in prediction, 0."""
    return 0 if step is None else normal(x.shape, scale, layer, step, FOR_LAYER).astype(x.dtype)''',
    "shuffled": '''\
def shuffled(n, epoch):
    """The rows 0 … n − 1 in the order of an epoch."""
    return np.argsort(random_words((n,), FOR_SHUFFLE, 0, epoch), kind="stable")''',
    "orthogonal": '''\
def orthogonal(shape, gain, layer, number):
    """Orthonormal columns (or rows, where the matrix is wider than high), times a gain."""
    q, r = np.linalg.qr(normal((max(shape), min(shape)), 1.0, layer, number))
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return gain * (q if shape[0] >= shape[1] else q.T)''',
    "normal": '''\
def normal(shape, scale, layer, counter, purpose=FOR_WEIGHTS):
    """Numbers from N(0, scale²), from pairs of uniform ones (Box and Muller)."""
    count = math.prod(shape)
    u = (random_words((-(-count // 2), 2), purpose, layer, counter) + 0.5) / 2**32  # within (0, 1)
    radius, angle = np.sqrt(-2 * np.log(u[:, 0])), 2 * np.pi * u[:, 1]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return scale * pairs.reshape(-1)[:count].reshape(shape)''',
    "uniform": '''\
def uniform(shape, limit, layer, counter):
    """Numbers from U(−limit, limit)."""
    return limit * (2 * (random_words(shape, FOR_WEIGHTS, layer, counter) + 0.5) / 2**32 - 1)''',
    "random_words": '''\
def random_words(shape, purpose, index, counter):
    """Random whole numbers below 2³², a pure function of (SEED, purpose, index, counter): nothing is remembered.

    Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, 2011): four words at a time, a counter is scrambled in ten rounds.
    Each row (the last axis) begins with a new four.
    """
    rows, columns = math.prod(shape[:-1]), shape[-1]
    block = np.arange(rows * -(-columns // 4), dtype=np.uint64)
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)  # the lower half of 64 bits, and the way to the upper one
    c0, c1 = block & low, np.full_like(block, counter & 0xFFFFFFFF)
    c2, c3 = np.full_like(block, counter >> 32), np.full_like(block, purpose << 24 | index)
    k0, k1 = SEED & 0xFFFFFFFF, SEED >> 32
    for _ in range(10):
        a, b = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (b >> half) ^ c1 ^ np.uint64(k0), b & low
        c2, c3 = (a >> half) ^ c3 ^ np.uint64(k1), a & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    words = np.stack([c0, c1, c2, c3], axis=1)  # (blocks, 4)
    return words.reshape(rows, -1)[:, :columns].reshape(shape)''',
}
"""Functions that call another stand before it."""

_OF_THE_NETWORK = ("sigmoid", "softmax", "softplus", "normal_share", "normal_density")
_OF_CHANCE = ("dropout_mask", "noise", "shuffled", "orthogonal", "normal", "uniform", "random_words")


def called_by(code: str) -> tuple[list[str], list[str]]:
    """The functions that some code calls, and those that they call: of the network, and of chance."""
    called: set[str] = set()
    code = _without_words(code)
    for name, body in FUNCTIONS.items():
        if re.search(rf"\b{name}\(", code):
            called.add(name)
            code += _without_words(body.split("\n", 1)[1])
    return [FUNCTIONS[n] for n in _OF_THE_NETWORK if n in called], [FUNCTIONS[n] for n in _OF_CHANCE if n in called]


def _without_words(code: str) -> str:
    """Code without docstrings and comments."""
    return re.sub(r'""".*?"""|#[^\n]*', "", code, flags=re.S)
