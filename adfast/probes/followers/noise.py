"""The noise of a candidate: with this probability an action is any action, else the candidate's."""

import numpy as np

NOISES = np.array(
    [0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
)
USUAL = 5  # the place of the noise that candidates are compared by before any is fitted
