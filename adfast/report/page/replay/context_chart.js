// The whole context as a picture: a column for each episode, with its return on top and a field for
// each of its steps below.

const GUTTER = 34; // pixels, left of the columns
const BARS = 64; // pixels, height of the greatest return
const GAP = 10;
const RIGHT = 8; // pixels, right of the columns
const AXIS = 20;

class ContextChart {
  // `on.point(moment)` is called with the {episode, step} under the pointer, null for none, and
  // `on.pick(moment)` with the one that was pressed.
  constructor(canvas, on) {
    this.canvas = canvas;
    this.entries = [];
    this.pointed = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointermove", (event) => on.point(this.momentAt(event)));
    canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") on.point(null); // a finger just lifts
    });
    canvas.addEventListener("click", (event) => {
      const moment = this.momentAt(event);
      if (moment) on.pick(moment);
    });
  }

  setRun(run) {
    this.run = run;
  }

  show(episode, step) {
    this.now = { episode, step };
  }

  // `window` is how many transitions the layer sees; 0: all; null where no attention is recorded.
  attend(entries, window) {
    this.entries = entries;
    this.window = window;
  }

  point(moment) {
    this.pointed = moment;
  }

  get fieldHeight() {
    return Math.min(Math.max(240 / this.run.maxSteps, 2), 14);
  }

  get columnWidth() {
    return (this.canvas.clientWidth - GUTTER - RIGHT) / this.run.episodes;
  }

  left(episode) {
    return GUTTER + episode * this.columnWidth;
  }

  top(step) {
    return BARS + GAP + step * this.fieldHeight;
  }

  // The field under the pointer; among the returns, and below the last step, the nearest one.
  momentAt({ offsetX, offsetY }) {
    const episode = Math.floor((offsetX - GUTTER) / this.columnWidth);
    if (episode < 0 || episode >= this.run.episodes) return null;
    const step = Math.floor((offsetY - BARS - GAP) / this.fieldHeight);
    return { episode, step: Math.min(Math.max(step, 0), this.run.lengths[episode] - 1) };
  }

  // The middle of a field, in pixels of the canvas.
  middle({ episode, step }) {
    return [this.left(episode) + this.columnWidth / 2, this.top(step) + this.fieldHeight / 2];
  }

  draw() {
    const { run, canvas } = this;
    if (!run || !canvas.clientWidth) return;
    const height = this.top(run.maxSteps) + AXIS;
    const scale = window.devicePixelRatio;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(height * scale);
    const style = getComputedStyle(document.documentElement);
    this.colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.pen = canvas.getContext("2d");
    this.pen.scale(scale, scale);
    this.pen.font = "12px system-ui, sans-serif";
    this.drawReturns();
    this.drawFields();
    this.drawNames(height);
  }

  drawReturns() {
    const { run, pen } = this;
    const greatest = Math.max(...run.returns, run.optimal ?? 0, 0);
    const least = Math.min(...run.returns, 0); // bars stand on it, where returns are negative
    const height = (value) => (BARS * (value - least)) / (greatest - least || 1);
    run.returns.forEach((value, episode) => {
      pen.fillStyle = this.colour(episode === this.now.episode ? "model" : "train");
      const size = height(value);
      this.fill(this.left(episode), BARS - size, this.columnWidth, size, 1);
    });
    if (run.optimal === null) return;
    const level = BARS - height(run.optimal) + 1;
    pen.strokeStyle = this.colour("random");
    pen.setLineDash([3, 3]);
    pen.beginPath();
    pen.moveTo(GUTTER, level);
    pen.lineTo(this.left(run.episodes), level);
    pen.stroke();
    pen.setLineDash([]);
  }

  drawFields() {
    const { run, pen, now } = this;
    const query = run.starts[now.episode] + Math.min(now.step, run.lengths[now.episode] - 1);
    const percents = new Map(this.entries.map(({ transition, percent }) => [transition, percent]));
    const most = Math.max(...percents.values(), 4);
    for (let episode = 0; episode < run.episodes; episode++) {
      for (let step = 0; step < run.lengths[episode]; step++) {
        const transition = run.starts[episode] + step;
        const area = [this.left(episode), this.top(step), this.columnWidth, this.fieldHeight];
        const age = query - transition;
        const isSeen = age >= 0 && (!this.window || age < this.window);
        pen.globalAlpha = isSeen ? 1 : 0.4;
        pen.fillStyle = this.colour(isSeen ? "rule" : "faint");
        this.fill(...area, 0.5);
        const percent = percents.get(transition) ?? 0;
        if (percent) {
          pen.globalAlpha = 0.08 + 0.92 * Math.sqrt(percent / most);
          pen.fillStyle = this.colour("accuracy");
          this.fill(...area, 0.5);
        }
        if (run.reward(episode, step) !== 0) {
          pen.globalAlpha = age >= 0 ? 1 : 0.4;
          pen.fillStyle = this.colour("source");
          pen.beginPath();
          const radius = Math.min(this.columnWidth, this.fieldHeight) / 5;
          pen.arc(...this.middle({ episode, step }), Math.max(radius, 1), 0, 2 * Math.PI);
          pen.fill();
        }
      }
    }
    pen.globalAlpha = 1;
    if (now.step < run.lengths[now.episode]) this.frame(now, "model");
    if (this.pointed) this.frame(this.pointed, "ink");
  }

  drawNames(height) {
    const { run, pen } = this;
    pen.fillStyle = this.colour("muted");
    pen.textAlign = "left";
    pen.fillText("return", 0, BARS - 4);
    pen.fillText("step", 0, this.top(0) + 11);
    const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find(
      (stride) => stride * this.columnWidth >= 26
    );
    pen.textAlign = "center";
    for (let episode = 0; episode < run.episodes; episode++) {
      if ((episode + 1) % (every ?? run.episodes) === 0 || episode === 0) {
        const isCrowded = episode === 0 && every <= 2 && every > 1;
        if (!isCrowded) pen.fillText(episode + 1, this.middle({ episode, step: 0 })[0], height - 4);
      }
    }
    pen.textAlign = "left";
    pen.fillText("ep.", 0, height - 4);
  }

  // A filled rectangle with a margin, at least half a pixel wide.
  fill(left, top, width, height, margin) {
    const wide = width > 4 * margin ? margin : 0;
    const high = height > 4 * margin ? margin : 0;
    this.pen.fillRect(left + wide / 2, top + high / 2, width - wide, height - high);
  }

  frame({ episode, step }, colour) {
    this.pen.strokeStyle = this.colour(colour);
    this.pen.lineWidth = 2;
    this.pen.strokeRect(this.left(episode), this.top(step), this.columnWidth, this.fieldHeight);
    this.pen.lineWidth = 1;
  }
}
