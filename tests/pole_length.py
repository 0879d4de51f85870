"""CartPole whose pole has a length that the agent must find out, registered as Gymnasium asks."""

import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv


class PoleLength(CartPoleEnv):
    """`length` is half of the pole's, as in CartPole, where it is 0.5."""

    def __init__(self, length=0.5, **options):
        super().__init__(**options)
        self.length = length
        self.polemass_length = self.masspole * self.length


gymnasium.register("PoleLength-v0", entry_point=PoleLength, max_episode_steps=60)
