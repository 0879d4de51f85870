// Words and numbers for the attention of the step that is shown.

class AttentionPanel {
  // `record` is null where no run has any. `point` marks a moment, `pick` goes to one, and
  // `onChange` is called when another layer or head is chosen.
  constructor(part, record, point, pick, onChange) {
    this.part = part;
    this.record = record;
    this.entries = [];
    this.shares = new Map();
    if (!record) return;
    this.buttons = [...part("top").querySelectorAll("button")];
    this.moments = this.buttons.map(() => null);
    this.buttons.forEach((button, place) => {
      for (const event of ["pointerenter", "focus"]) {
        button.addEventListener(event, () => point(this.moments[place]));
      }
      for (const event of ["pointerleave", "blur"]) {
        button.addEventListener(event, () => point(null));
      }
      button.addEventListener("click", () => {
        if (this.moments[place]) pick(this.moments[place]);
      });
    });
    for (const name of ["layer", "head"]) part(name).addEventListener("change", onChange);
  }

  // What is attended to before the action that follows so many steps of an episode; the window of
  // the layer, null where nothing is recorded.
  show(run, episode, step) {
    this.entries = [];
    this.elsewhere = 0;
    this.isKnown = Boolean(this.record?.has(run.index)) && step < run.lengths[episode];
    if (!this.isKnown) {
      if (this.record) this.list(run);
      return { entries: [], window: null };
    }
    const layer = Number(this.part("layer").value);
    const query = run.starts[episode] + step;
    const head = Number(this.part("head").value);
    const found = this.record.at(run.index, query, layer, head);
    this.entries = found.entries;
    this.elsewhere = found.elsewhere;
    this.list(run);
    return { entries: found.entries, window: this.record.windows[layer] };
  }

  list(run) {
    this.buttons.forEach((button, place) => {
      const entry = this.entries[place];
      this.moments[place] = entry ? run.place(entry.transition) : null;
      button.parentElement.hidden = !entry;
      if (!entry) return;
      const { episode, step } = this.moments[place];
      button.textContent =
        `${percentage(entry.percent)} episode ${episode + 1}, step ${step}: ` +
        run.whereabouts(episode, step);
    });
  }

  // The cell that most of the attention goes to, if there is a map; `shares` are its cells'.
  summarise(run, view) {
    if (!this.record) return;
    const lines = [];
    if (!this.record.has(run.index)) {
      lines.push("Recorded for the runs with a button above.");
    } else if (!this.isKnown) {
      lines.push("The episode is over: nothing is to be chosen.");
    } else if (this.shares.size) {
      const [[key, percent]] = [...this.shares].sort(([, one], [, other]) => other - one);
      const { rows, columns, rooms } = run.map;
      const cell = Math.floor(key / columns);
      const room = rooms > 1 ? `, room ${Math.floor(cell / rows)}` : "";
      lines.push(
        `Most of it, ${percentage(percent)}, on row ${cell % rows}, column ${key % columns}${room}.`
      );
    }
    if (this.elsewhere > 0.5) {
      lines.push(`${percentage(this.elsewhere)} is spread over transitions not listed.`);
    }
    this.part("summary").textContent = lines.join(" ");
  }

  // A moment of the context in words.
  describe(run, { episode, step }) {
    const transition = run.starts[episode] + step;
    const reward = run.reward(episode, step);
    const share = this.entries.find((entry) => entry.transition === transition)?.percent ?? 0;
    return (
      `Episode ${episode + 1}, step ${step}: ${run.whereabouts(episode, step)}, ` +
      `then ${run.action(episode, step)}${reward ? `, reward ${amount(reward)}` : ""}` +
      (this.isKnown ? `. Attention: ${percentage(share)}` : "")
    );
  }

  // A cell of the map in words.
  describeCell(run, view, cell) {
    const place = `Row ${cell.row}, column ${cell.column}`;
    const room = run.map.rooms > 1 ? `, room ${cell.room}` : "";
    if (!this.isKnown) return place + room;
    return `${place}${room}. Attention: ${percentage(this.shares.get(view.key(cell)) ?? 0)}`;
  }
}

function percentage(value) {
  if (value > 0 && value < 0.95) return "<1%";
  return `${Math.round(value)}%`;
}
