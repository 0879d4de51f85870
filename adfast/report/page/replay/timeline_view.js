// For a family without a map: what the agent saw, did and earned in an episode, step by step.

class TimelineView {
  constructor(container) {
    this.container = container;
  }

  setRun(run) {
    this.run = run;
    this.episode = null;
  }

  legend() {
    return [["visits", "what was seen, done and earned in this episode"]];
  }

  // A lane for each component of the observation, for the action and for the reward.
  draw(episode) {
    const { run } = this;
    const steps = run.lengths[episode];
    const all = [...Array(steps).keys()];
    const lanes = run.ranges.map((range, component) => ({
      name: `observation ${component}`,
      values: [...all, steps].map((step) => run.observation(episode, step)[component]),
      range,
    }));
    lanes.push({
      name: "action",
      values: all.map((step) => run.actions[episode * run.maxSteps + step]),
      range: [0, run.actionNames.length - 1],
    });
    lanes.push({
      name: "reward",
      values: all.map((step) => run.reward(episode, step)),
      range: run.rewardRange,
    });
    const height = 26;
    const drawing = svg("svg", { class: "replay-timeline", role: "img",
      viewBox: `0 0 100 ${lanes.length * (height + 8)}`, preserveAspectRatio: "none" });
    lanes.forEach(({ values, range: [low, top] }, index) => {
      const bottom = index * (height + 8) + height + 4;
      const points = values.map((value, step) =>
        `${(100 * step) / run.maxSteps},${bottom - (height * (value - low)) / Math.max(top - low, 1e-9)}`);
      svg("line", { class: "level", x1: 0, x2: 100, y1: bottom, y2: bottom }, drawing);
      svg("polyline", { points: points.join(" ") }, drawing);
    });
    this.cursor = svg("line", { class: "cursor", y1: 0, y2: lanes.length * (height + 8) }, drawing);
    this.pointed = svg("line", { class: "pointed", y1: 0, y2: lanes.length * (height + 8),
      visibility: "hidden" }, drawing);
    const names = document.createElement("ol");
    names.className = "replay-lanes";
    for (const { name } of lanes) {
      const entry = document.createElement("li");
      entry.textContent = name;
      names.append(entry);
    }
    this.drawing = drawing;
    this.episode = episode;
    const frame = document.createElement("div");
    frame.className = "replay-lane-frame";
    frame.append(names, drawing);
    this.container.replaceChildren(frame);
  }

  show(episode, step) {
    if (episode !== this.episode) this.draw(episode);
    this.move(this.cursor, step);
    this.drawing.setAttribute("aria-label",
      `${this.run.label}: ${this.run.whereabouts(episode, step)}`);
  }

  attend() {
    return new Map();
  }

  point(moment) {
    const isShown = moment !== null && moment.episode === this.episode;
    this.pointed.setAttribute("visibility", isShown ? "visible" : "hidden");
    if (isShown) this.move(this.pointed, moment.step);
  }

  move(line, step) {
    for (const end of ["x1", "x2"]) line.setAttribute(end, (100 * step) / this.run.maxSteps);
  }
}
