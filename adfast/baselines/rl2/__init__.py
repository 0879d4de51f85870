"""RL2: a policy with a memory, trained by reinforcement learning over whole trials.

A trial is several episodes on one task. The policy sees what it did and earned, and its memory is
emptied between trials alone, so that what it learns by PPO is how to learn within a trial.

Source: Duan et al. 2016, arXiv 1611.02779; Wang et al. 2016, arXiv 1611.05763; PPO: Schulman et al.
2017, arXiv 1707.06347.
"""
