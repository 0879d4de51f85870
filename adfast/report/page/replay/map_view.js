// The agent on the map of its task: its path, the cells it visited, what it attends to.

const SVG = "http://www.w3.org/2000/svg";
const MAX_CELLS_AT_ONCE = 2500; // of all rooms; with more, only the room that the agent is in

function svg(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

class MapView {
  // `onPoint(cell)` is called with the {room, row, column} under the pointer, null for none.
  constructor(container, onPoint) {
    this.container = container;
    this.onPoint = onPoint;
  }

  setRun(run) {
    this.run = run;
    const { rows, columns, rooms } = run.map;
    this.all = rows * columns * rooms <= MAX_CELLS_AT_ONCE;
    this.across = this.all ? Math.ceil(Math.sqrt(rooms)) : 1;
    this.draw(0);
  }

  legend() {
    const names = [...new Set(this.run.map.landmarks.map(([name]) => name))].join(", ");
    return [
      ["agent", "the agent, where it is now"],
      ["visits", "where it was in this episode"],
      ["landmark", `${names}, which it cannot see`],
    ];
  }

  // Draws the rooms, all of them or the one of this number, with nothing happening in them.
  draw(room) {
    const { rows, columns, rooms, landmarks } = this.run.map;
    const shown = this.all ? [...Array(rooms).keys()] : [room];
    const gap = 1;
    const above = rooms > 1 ? 0.8 : 0.1; // room for the names of the rooms
    const down = Math.ceil(shown.length / this.across);
    const width = this.across * (columns + gap) - gap;
    const height = down * (rows + gap) - gap;
    this.room = room;
    this.corners = new Map(
      shown.map((number, place) => [
        number,
        [(place % this.across) * (columns + gap), Math.floor(place / this.across) * (rows + gap)],
      ])
    );
    const drawing = svg("svg", {
      class: "room replay-map",
      viewBox: `-0.1 ${-above} ${width + 0.2} ${height + above + 0.1}`,
      role: "img",
    });
    this.cells = new Map();
    for (const number of shown) {
      const [left, top] = this.corners.get(number);
      svg("rect", { class: "walls", x: left - 0.06, y: top - 0.06, width: columns + 0.12,
        height: rows + 0.12, rx: 0.12 }, drawing);
      if (rooms > 1) {
        svg("text", { class: "room-name", x: left, y: top - 0.2 }, drawing).textContent =
          `room ${number}`;
      }
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const square = { x: left + column + 0.04, y: top + row + 0.04, width: 0.92,
            height: 0.92, rx: 0.1 };
          const plain = svg("rect", { class: "plain", ...square }, drawing);
          const visits = svg("rect", { class: "visits", ...square, "fill-opacity": 0 }, drawing);
          const attended = svg("circle", { class: "attended", cx: left + column + 0.5,
            cy: top + row + 0.5, r: 0 }, drawing);
          const cell = { room: number, row, column };
          const found = { plain, visits, attended, visited: 0, percent: 0 };
          this.cells.set(this.key(cell), found);
          for (const part of [plain, visits, attended]) {
            part.addEventListener("pointerenter", () => this.onPoint(cell));
            part.addEventListener("pointerleave", (event) => {
              if (event.pointerType === "mouse") this.onPoint(null); // a finger just lifts
            });
          }
        }
      }
    }
    // Behind what follows: bubbles of attention lie over every cell.
    for (const { attended } of this.cells.values()) drawing.append(attended);
    for (const [name, number, row, column] of landmarks) {
      if (!this.corners.has(number)) continue;
      const [left, top] = this.corners.get(number);
      const kind = name === "goal" ? "goal" : "landmark";
      const frame = svg("rect", { class: kind, x: left + column + 0.06, y: top + row + 0.06,
        width: 0.88, height: 0.88, rx: 0.1, "data-row": row, "data-column": column }, drawing);
      svg("title", {}, frame).textContent = name;
    }
    this.path = svg("polyline", { class: "replay-path", points: "" }, drawing);
    this.pointed = svg("rect", { class: "pointed", width: 0.98, height: 0.98, rx: 0.12,
      visibility: "hidden" }, drawing);
    // Where nobody knows a heading there is none: a line without ends is a dot in the corner.
    this.nose = this.run.map.heading === null ? null : svg("line", { class: "nose" }, drawing);
    this.agent = svg("circle", { class: "agent", r: Math.max(0.27, rows / 60) }, drawing);
    this.drawing = drawing;
    this.container.replaceChildren(drawing);
  }

  key({ room, row, column }) {
    return (room * this.run.map.rows + row) * this.run.map.columns + column;
  }

  centre({ room, row, column }) {
    const [left, top] = this.corners.get(room);
    return [left + column + 0.5, top + row + 0.5];
  }

  // Shows an episode after so many steps.
  show(episode, step) {
    const now = this.run.cell(episode, step);
    if (!this.corners.has(now.room)) this.draw(now.room);
    const visited = new Map();
    const points = [];
    for (let past = 0; past <= step; past++) {
      const cell = this.run.cell(episode, past);
      visited.set(this.key(cell), (visited.get(this.key(cell)) ?? 0) + 1);
      if (this.corners.has(cell.room)) points.push(this.centre(cell).join());
    }
    for (const [key, cell] of this.cells) {
      const count = visited.get(key) ?? 0;
      if (count === cell.visited) continue;
      cell.visited = count;
      cell.visits.setAttribute("fill-opacity", count ? Math.min(0.12 + 0.06 * count, 0.6) : 0);
    }
    this.path.setAttribute("points", points.join(" "));
    const [x, y] = this.centre(now);
    for (const [name, value] of Object.entries({ cx: x, cy: y })) {
      this.agent.style.setProperty(name, `${value}px`);
    }
    const heading = this.run.heading(episode, step);
    if (this.nose !== null) {
      const length = this.run.map.rows / 14;
      const ends = { x1: x, y1: y, x2: x + length * Math.cos(heading), y2: y - length * Math.sin(heading) };
      for (const [name, value] of Object.entries(ends)) this.nose.setAttribute(name, value);
      this.nose.setAttribute("stroke-width", this.run.map.rows / 90);
    }
    Object.assign(this.agent.dataset, { row: now.row, column: now.column, room: now.room });
    this.drawing.setAttribute("aria-label",
      `${this.run.label}: the agent is at ${this.run.whereabouts(episode, step)}`);
  }

  // Shows how much of the attention each cell has: entries of AttentionRecord.at.
  attend(entries) {
    const shares = new Map();
    for (const { transition, percent } of entries) {
      const { episode, step } = this.run.place(transition);
      const key = this.key(this.run.cell(episode, step));
      shares.set(key, (shares.get(key) ?? 0) + percent);
    }
    for (const [key, cell] of this.cells) {
      const percent = shares.get(key) ?? 0;
      if (percent === cell.percent) continue;
      cell.percent = percent;
      cell.attended.setAttribute("r", 0.46 * Math.sqrt(percent / 100));
    }
    return shares;
  }

  // Frames the cell of a moment; null frames none.
  point(moment) {
    const cell = moment && this.run.cell(moment.episode, moment.step);
    const isShown = cell !== null && this.corners.has(cell.room);
    this.pointed.setAttribute("visibility", isShown ? "visible" : "hidden");
    if (!isShown) return;
    const [x, y] = this.centre(cell);
    this.pointed.setAttribute("x", x - 0.49);
    this.pointed.setAttribute("y", y - 0.49);
  }
}
