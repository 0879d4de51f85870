// The replay's panel: what is pressed moves the player, and every move is shown.

const KEYS_LEFT_TO = ["SELECT", "INPUT"]; // which mean something to these
const HINT = "Point at a field to read it here; press it to go there.";

async function startReplay() {
  const part = (name) => document.getElementById(`replay-${name}`);
  const description = JSON.parse(document.getElementById("replay-description").textContent);
  const arrays = typedArrays(await unpack("replay-arrays"), description.arrays);
  const record =
    description.attention &&
    new AttentionRecord(
      description.attention,
      typedArrays(await unpack("replay-attention"), description.attention.arrays)
    );
  const panel = part("panel");
  const player = new Player(show);
  const chart = new ContextChart(part("context"), {
    point: (moment) => point(moment),
    pick: (moment) => {
      player.goTo(moment.episode, moment.step);
      point(moment);
    },
  });
  const hasMap = Object.values(description.tasks).every((task) => task.map);
  const view = hasMap ? new MapView(part("view"), pointCell) : new TimelineView(part("view"));
  const seen = description.views
    ? typedArrays(await unpack("replay-frames"), description.views.arrays).frames
    : null;
  const eyes = new FrameView(part("eyes"), description.views, seen);
  const attention = new AttentionPanel(part, record, (moment) => point(moment), (moment) => {
    player.goTo(moment.episode, moment.step);
  }, show);
  let run;

  function choose(index) {
    run = new RecordedRun(index, description, arrays);
    for (const shown of [chart, view, eyes]) shown.setRun(run);
    part("task").value = run.task;
    const seeds = description.runs.filter(([task]) => task === run.task);
    part("seed").replaceChildren(
      ...seeds.map(([, seed]) => new Option(seed + 1, seed, false, seed === run.seed))
    );
    for (const button of panel.querySelectorAll("[data-run]")) {
      button.setAttribute("aria-pressed", Number(button.dataset.run) === index);
    }
    part("episode").max = run.episodes;
    part("reward").disabled = run.firstReward() === null;
    player.setRun(run);
    point(null);
  }

  // The run of a task and seed; the task's first one where that seed is not there.
  function find(task, seed) {
    const found = description.runs.findIndex(([one, other]) => one === task && other === seed);
    return found >= 0 ? found : description.runs.findIndex(([one]) => one === task);
  }

  function show() {
    const { episode, step } = player;
    const length = run.lengths[episode];
    const isOver = step === length;
    const earned = amount(run.earned(episode, step));
    const all = amount(run.returns[episode]);
    part("now").setAttribute("aria-live", player.isPlaying ? "off" : "polite");
    part("now").textContent = `Episode ${episode + 1} of ${run.episodes}, step ${step} of ${length}`;
    part("earned").textContent = isOver
      ? `Return ${all}, ${run.boundaries[episode] === 1 ? "ended by the task" : "time is up"}`
      : `Return ${earned} of ${all}; next: ${run.action(episode, step)}`;
    part("play").textContent = player.isPlaying ? "Pause" : "Play";
    for (const [slider, value] of [["episode", episode + 1], ["step", step]]) {
      if (slider === "step") part("step").max = length;
      part(slider).value = value;
      part(slider).setAttribute("aria-valuetext", `${slider} ${value}`);
    }
    panel.style.setProperty("--pace", `${Math.min(0.8 / player.speed, 0.12)}s`);
    view.show(episode, step);
    eyes.show(episode, step);
    chart.show(episode, step);
    const { entries, window } = attention.show(run, episode, step);
    attention.shares = view.attend(entries);
    attention.summarise(run, view);
    chart.attend(entries, window);
    chart.draw();
    Object.assign(panel.dataset, {
      run: run.index,
      episode: episode + 1,
      step,
      playing: player.isPlaying,
    });
  }

  // Marks a moment of the context everywhere, and says what is known of it; null marks none.
  function point(moment) {
    view.point(moment);
    chart.point(moment);
    chart.draw();
    part("readout").textContent = moment ? attention.describe(run, moment) : HINT;
  }

  function pointCell(cell) {
    part("readout").textContent = cell ? attention.describeCell(run, view, cell) : HINT;
  }

  function press(name, action) {
    part(name).addEventListener("click", action);
  }

  function firstReward() {
    const moment = run.firstReward();
    if (moment) player.goTo(moment.episode, moment.step);
  }

  function otherRun(by) {
    const count = description.runs.length;
    choose((run.index + by + count) % count);
  }

  press("play", () => player.toggle());
  press("step-back", () => player.move(-1));
  press("step-on", () => player.move(1));
  press("episode-back", () => player.goTo(player.episode - 1, 0));
  press("episode-on", () => player.goTo(player.episode + 1, 0));
  press("reward", firstReward);
  press("previous-run", () => otherRun(-1));
  press("next-run", () => otherRun(1));
  for (const button of panel.querySelectorAll("[data-run]")) {
    button.addEventListener("click", () => choose(Number(button.dataset.run)));
  }
  part("task").addEventListener("change", () => choose(find(Number(part("task").value), run.seed)));
  part("seed").addEventListener("change", () => choose(find(run.task, Number(part("seed").value))));
  part("speed").addEventListener("change", () => {
    player.speed = Number(part("speed").value);
  });
  part("episode").addEventListener("input", () => player.goTo(Number(part("episode").value) - 1, 0));
  part("step").addEventListener("input", () => {
    player.goTo(player.episode, Number(part("step").value));
  });

  const keys = {
    " ": () => player.toggle(),
    ArrowRight: (shift) => (shift ? player.goTo(player.episode + 1, 0) : player.move(1)),
    ArrowLeft: (shift) => (shift ? player.goTo(player.episode - 1, 0) : player.move(-1)),
    Home: () => player.goTo(0, 0),
    End: () => player.goToEnd(),
    r: firstReward,
    p: () => otherRun(-1),
    n: () => otherRun(1),
  };
  panel.addEventListener("keydown", (event) => {
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const isPressed = event.key === " " && ["BUTTON", "SUMMARY"].includes(event.target.tagName);
    if (!action || isPressed || KEYS_LEFT_TO.includes(event.target.tagName)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action(event.shiftKey);
  });

  const exemplary = panel.querySelector("[data-run]");
  choose(exemplary ? Number(exemplary.dataset.run) : 0);
  const legend = [...view.legend(), ...(record ? [["attended", "what it attends to"]] : [])];
  part("legend").replaceChildren(
    ...legend.map(([kind, text]) => {
      const entry = document.createElement("li");
      const sample = document.createElement("i");
      sample.className = `sample-${kind}`;
      entry.append(sample, text);
      return entry;
    })
  );

  // Plays by itself once, when it comes into view: unless motion is unwanted, or somebody was first.
  if (!window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
    const seen = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        seen.disconnect();
        player.play();
      },
      { threshold: 0.6 }
    );
    seen.observe(part("view"));
    for (const event of ["pointerdown", "keydown"]) {
      panel.addEventListener(event, () => seen.disconnect(), { once: true });
    }
  }
}
