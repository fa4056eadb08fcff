"""Which arithmetic this process computes with: the last digit of a product depends on the CPU and on the libraries' kernels."""

from zlib import crc32

import numpy as np
from scipy.linalg.blas import dsymv, dsyr  # type: ignore[import-untyped]  # SciPy ships no types

_SIZE = 83


def arithmetic_fingerprint() -> str:
    """The checksum of what the forecaster's own operations make of fixed numbers: equal where signals are equal to the last bit.

    >>> arithmetic_fingerprint() == arithmetic_fingerprint()
    True
    """
    x = np.sin(np.arange(1.0, _SIZE + 1.0))
    lower = np.asfortranarray(np.diag(1.0 / np.arange(1.0, _SIZE + 1.0)))
    for step in range(20):
        spread = dsymv(1.0, lower, np.roll(x, step), lower=1)
        dsyr(-1.0 / (1.0 + float(spread.dot(x)) ** 2), spread, a=lower, overwrite_a=1, lower=1)
    transcendental = np.concatenate((np.log(np.abs(x)), np.exp(x), np.sqrt(np.abs(x))))
    return f"{crc32(lower.tobytes() + transcendental.tobytes()):08x}"
