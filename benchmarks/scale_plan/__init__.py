"""The plan to the internet scale: what a benchmark record says of collections and trainings that
nobody has carried out, stage by stage.

`measured_rates.py` takes rates from a record, `assumptions.toml` holds prices and what was not
measured, `stages.py` puts both together, `pipeline.py` simulates the stages beside one another,
`own_machine.py` compares what is predicted with what this machine does, and `pages.py` writes it
all down for `docs/show_scale_plan.py`.
"""
