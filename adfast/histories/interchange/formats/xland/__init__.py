"""The HDF5 layout of XLand-100B and XLand-Trivial-20B.

A group for each task, named by its number, with attributes `env-id`, `benchmark-id`, `ruleset-id`:

    states          uint8 [H, T, 5, 5]  cells seen, tile * colours + colour
    actions         uint8 [H, T]
    rewards         float16 [H, T]
    dones           bool [H, T]
    expert_actions  uint8 [H, T]        of the final policy: the label

A file of one task has them at its root. `dones` says that an episode ends, not how; the state
after its last action is that of the next episode. Counted cells keep any byte, 256 values each.

Written are all histories of a task in one group, padded to the longest; data sets of our own
beside theirs (`lengths` and more) say what the layout does not, and their loaders pass over them.

Source: github.com/dunnolab/xland-minigrid-datasets, README, `collection/training/train.py`,
`collection/combine.py`, `baselines/ad/src/utils/data.py`; arXiv 2406.08973.
"""
