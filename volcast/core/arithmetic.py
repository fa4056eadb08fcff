"""A fingerprint of this process's floating-point arithmetic, whose last digits depend on the CPU and the libraries.

It is a file of its own because it is about the process, not about an engine. `snapshot.py` stores it with each snapshot.
"""

from zlib import crc32

import numpy as np
from scipy.linalg.blas import dsymv, dsyr  # type: ignore[import-untyped]  # SciPy ships no types

_SIZE = 83


def arithmetic_fingerprint() -> str:
    """Return a CRC-32, as 8 hex digits, of the forecaster's operations on fixed numbers.

    Processes with the same fingerprint compute signals that are equal to the last bit.

    >>> arithmetic_fingerprint() == arithmetic_fingerprint()
    True
    """
    x = np.sin(np.arange(1.0, _SIZE + 1.0))
    lower = np.asfortranarray(np.diag(1.0 / np.arange(1.0, _SIZE + 1.0)))
    for step in range(20):
        product = dsymv(1.0, lower, np.roll(x, step), lower=1)
        dsyr(-1.0 / (1.0 + float(product.dot(x)) ** 2), product, a=lower, overwrite_a=1, lower=1)
    transcendental = np.concatenate((np.log(np.abs(x)), np.exp(x), np.sqrt(np.abs(x))))
    return f"{crc32(lower.tobytes() + transcendental.tobytes()):08x}"
