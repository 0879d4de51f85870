// What the page knows of the runs: a run is one task with one seed, from an empty context on.

class RecordedRun {
  // `index` counts in description.runs; `arrays` are those of recording.py.
  constructor(index, description, arrays) {
    const { episodes, steps, ranges } = description;
    const components = ranges.length;
    [this.task, this.seed] = description.runs[index];
    const task = description.tasks[this.task];
    Object.assign(this, { index, episodes, components, maxSteps: steps });
    Object.assign(this, { label: task.label, optimal: task.optimal, map: task.map });
    this.actionNames = description.actions;
    this.ranges = ranges; // [least, greatest] of the components of an observation
    this.rewardRange = description.rewards;
    const part = (name, size) => arrays[name].values.subarray(index * size, (index + 1) * size);
    this.observations = part("observation", episodes * (steps + 1) * components);
    this.actions = part("action", episodes * steps);
    this.rewards = part("reward", episodes * steps);
    this.lengths = part("length", episodes);
    this.boundaries = part("boundary", episodes);
    this.starts = [0]; // of each episode, in transitions
    this.returns = [];
    for (let episode = 0; episode < episodes; episode++) {
      this.starts.push(this.starts[episode] + this.lengths[episode]);
      this.returns.push(this.earned(episode, this.lengths[episode]));
    }
  }

  // The components seen in an episode after so many steps.
  observation(episode, step) {
    const first = (episode * (this.maxSteps + 1) + step) * this.components;
    return this.observations.subarray(first, first + this.components);
  }

  // The room, row and column seen in an episode after so many steps; only with a map.
  cell(episode, step) {
    const { components, perCell, upward, rows } = this.map;
    const seen = this.observation(episode, step);
    const [row, column] = components.map((component) => Math.floor(seen[component] / perCell));
    const room = components.length > 2 ? seen[components[2]] : 0;
    return { row: upward ? rows - 1 - row : row, column, room };
  }

  // Which way the agent looks, in radians from the right on upwards; null where nobody knows.
  heading(episode, step) {
    const component = this.map.heading;
    return component === null ? null : (this.observation(episode, step)[component] * Math.PI) / 180;
  }

  action(episode, step) {
    return this.actionNames[this.actions[episode * this.maxSteps + step]];
  }

  reward(episode, step) {
    return this.rewards[episode * this.maxSteps + step];
  }

  // The rewards of the first `steps` steps of an episode.
  earned(episode, steps) {
    let sum = 0;
    for (let step = 0; step < steps; step++) sum += this.reward(episode, step);
    return sum;
  }

  // The episode and step of a transition of the whole history.
  place(transition) {
    let [episode, above] = [0, this.episodes];
    while (above - episode > 1) {
      const middle = (episode + above) >> 1;
      if (this.starts[middle] <= transition) episode = middle;
      else above = middle;
    }
    return { episode, step: transition - this.starts[episode] };
  }

  // The moment after the first reward of all, or null.
  firstReward() {
    for (let episode = 0; episode < this.episodes; episode++) {
      for (let step = 0; step < this.lengths[episode]; step++) {
        if (this.reward(episode, step) !== 0) return { episode, step: step + 1 };
      }
    }
    return null;
  }

  // In words: where the agent stood in an episode after so many steps.
  whereabouts(episode, step) {
    if (!this.map) return `observation ${[...this.observation(episode, step)].map(amount).join(", ")}`;
    const { row, column, room } = this.cell(episode, step);
    return `row ${row}, column ${column}${this.map.rooms > 1 ? `, room ${room}` : ""}`;
  }
}

// A return or a reward in words: as many decimals as it has, up to two.
function amount(value) {
  return String(Number(value.toFixed(2)));
}
