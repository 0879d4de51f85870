"""The npz files of ad-eps, Algorithm Distillation from noise-annealed and Q-learning histories.

    folder/
    └── any-name/
        ├── metadata.metadata       JSON: algorithm, goal, ordered_trajectories
        └── trajectories_*.npz      states, actions, rewards, dones

Files of `[N, 1]` are chunks of one history. Files of `[E, T]` are histories of E episodes each, and
`goal` then has one for each of them. A `done` says that an episode ends, not how, and the last
observation of an episode is not there. Arrays of episodes of unequal lengths, as its Key-to-Door
writes them, are pickled and refused.

Written are chunks of `[N, 1]`, a folder for each history, which ad-eps' own loader reads: counted
observations as one number, as its grids number their cells. Arrays beside its own, and the file
adfast.json, say what the layout does not.

Source: github.com/corl-team/ad-eps, `generate_trajectories.py`, `q_learning.py`, `utils/data.py`.
"""
