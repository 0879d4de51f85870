"""Minari data sets: episodes of a Gymnasium environment, in a folder `data`.

    name-v0/data/metadata.json      spaces, episodes, steps
    name-v0/data/main_data.hdf5     a group for each episode: observations [T + 1], actions, ...

`minari.load_dataset` finds a data set by its name below `MINARI_DATASETS_PATH`, and
`minari.MinariDataset(folder / "data")` anywhere. Minari knows episodes, not who learned in them:
the episodes of a foreign data set are, in their order, one history. Written are the episodes of all
histories one after the other, and data/adfast.json says which are whose.

Spaces must be those that a recorder takes: Discrete, MultiDiscrete, MultiBinary or Box
observations, Discrete actions. Rendered observations are written as poses, pictures without loss.
A data set without spaces is refused: Minari would run the environment that its file names.

Source: minari.farama.org, "Dataset standards"; github.com/Farama-Foundation/Minari,
`minari/dataset/_storages/hdf5_storage.py`.
"""
