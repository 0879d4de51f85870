// What the agent sees where it stands, beside the map: the frame of a run, episode and step.

class FrameView {
  // `views` are those of views.py, null where the page has none; `frames` their array.
  constructor(canvas, views, frames) {
    this.canvas = canvas;
    this.views = views;
    this.frames = frames;
  }

  setRun(run) {
    this.place = this.views ? this.views.runs.indexOf(run.index) : -1;
    if (this.canvas) this.canvas.hidden = this.place < 0;
  }

  show(episode, step) {
    if (this.place < 0) return;
    const [, episodes, steps, height, width, colours] = this.frames.shape;
    const size = height * width * colours;
    const first = ((this.place * episodes + episode) * steps + step) * size;
    const image = new ImageData(width, height);
    for (let pixel = 0; pixel < height * width; pixel++) {
      for (let colour = 0; colour < 3; colour++) {
        const at = first + pixel * colours + Math.min(colour, colours - 1);
        image.data[4 * pixel + colour] = this.frames.values[at];
      }
      image.data[4 * pixel + 3] = 255;
    }
    Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").putImageData(image, 0, 0);
  }
}
