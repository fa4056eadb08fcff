"""The array type of the numeric code. It is a file of its own because modules of all layers use it."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""An array of 64-bit floats; each docstring gives its shape."""
