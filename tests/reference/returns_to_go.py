"""The return from each transition on, one history at a time in plain Python."""

import struct


def returns_to_go(rewards, episode_steps):
    """What is earned from each transition to the end of its episode, rounded to float32."""
    found, total = [], 0.0
    for t in reversed(range(len(rewards))):
        is_last = t + 1 == len(rewards) or episode_steps[t + 1] == 0
        total = rewards[t] + (0.0 if is_last else total)
        found.append(struct.unpack("f", struct.pack("f", total))[0])
    return found[::-1]


def asked_for(target, rewards, episode_steps):
    """What of `target` is left to earn at each transition, in float64."""
    found, left = [], target
    for t, step in enumerate(episode_steps):
        left = target if step == 0 or t == 0 else left - rewards[t - 1]
        found.append(left)
    return found
