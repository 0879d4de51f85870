// Where the replay is and how it moves: an episode, a step in it, and a clock.

class Player {
  // `onChange()` is called after every move and when playing begins or ends.
  constructor(onChange) {
    this.onChange = onChange;
    this.speed = 10; // steps a second
    this.timer = null;
    this.episode = 0;
    this.step = 0;
  }

  get isPlaying() {
    return this.timer !== null;
  }

  get isAtEnd() {
    return this.episode === this.run.episodes - 1 && this.step === this.run.lengths[this.episode];
  }

  setRun(run) {
    this.run = run;
    this.goTo(0, 0);
  }

  // Goes to an episode after so many of its steps, or to the nearest there is.
  goTo(episode, step) {
    this.episode = Math.min(Math.max(episode, 0), this.run.episodes - 1);
    this.step = Math.min(Math.max(step, 0), this.run.lengths[this.episode]);
    this.onChange();
  }

  // Goes on by so many steps, or back, across the ends of episodes.
  move(by) {
    for (let moved = 0; moved < Math.abs(by); moved++) {
      const step = this.step + Math.sign(by);
      if (step < 0 && this.episode > 0) {
        this.episode -= 1;
        this.step = this.run.lengths[this.episode];
      } else if (step > this.run.lengths[this.episode] && !this.isAtEnd) {
        this.episode += 1;
        this.step = 0;
      } else {
        this.step = Math.min(Math.max(step, 0), this.run.lengths[this.episode]);
      }
    }
    this.onChange();
  }

  goToEnd() {
    this.goTo(this.run.episodes - 1, this.run.maxSteps);
  }

  play() {
    if (this.isPlaying) return;
    if (this.isAtEnd) this.goTo(0, 0);
    let before = performance.now();
    let owed = 0; // steps
    const tick = (now) => {
      owed += ((now - before) / 1000) * this.speed;
      before = now;
      // A page that was hidden for long does not catch up.
      const due = Math.min(Math.floor(owed), 10);
      owed -= Math.floor(owed);
      if (due > 0) this.move(due);
      if (this.isAtEnd) return this.pause();
      if (this.isPlaying) this.timer = requestAnimationFrame(tick);
    };
    this.timer = requestAnimationFrame(tick);
    this.onChange();
  }

  pause() {
    if (!this.isPlaying) return;
    cancelAnimationFrame(this.timer);
    this.timer = null;
    this.onChange();
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }
}
