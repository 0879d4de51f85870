"""Parquet: a row for each transition, which pandas, Arrow and Hugging Face's `datasets` load.

Columns: `history`, `episode` (its number in the history), `metadata` (JSON, of the history), what
metadata are numbers, text or truth values of every history by their names, `episode_step`,
`observation`, `action`, `reward`, `next_observation`, `terminated`, `truncated`, `label` where
there is one. Observations are lists of fixed length, nested as their axes. Rows of a history follow
each other. The schema's entry "adfast" holds the store's schema and description.

Read are such files, and any others with columns of these names: a folder of files is read in the
order of their names, without `history` all rows are one, `done` stands for how episodes end, and
without `next_observation` it is the observation of the row after.

Source: parquet.apache.org; huggingface.co/docs/datasets, "Load Parquet".
"""
