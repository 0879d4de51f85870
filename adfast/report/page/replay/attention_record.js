// The recorded attention of some of the runs.

class AttentionRecord {
  constructor(description, arrays) {
    this.runs = description.runs;
    this.windows = description.windows;
    this.ages = arrays.age.values;
    this.percents = arrays.percent.values;
    [, this.layers, this.heads, this.transitions, this.kept] = arrays.percent.shape;
  }

  has(runIndex) {
    return this.runs.includes(runIndex);
  }

  // What the choice at transition `query` attended to: [{transition, percent}] with the most
  // attended first, and the percentage that went elsewhere. Head -1 is the mean of all.
  at(runIndex, query, layer, head) {
    const block = this.runs.indexOf(runIndex) * this.layers + layer;
    const heads = head < 0 ? [...Array(this.heads).keys()] : [head];
    const ages = (block * this.transitions + query) * this.kept;
    const percents = heads.map(
      (each) => ((block * this.heads + each) * this.transitions + query) * this.kept
    );
    const entries = [];
    let elsewhere = 100;
    for (let place = 0; place < this.kept; place++) {
      let percent = 0;
      for (const first of percents) percent += this.percents[first + place] / heads.length;
      if (percent === 0) continue;
      elsewhere -= percent;
      entries.push({ transition: query - this.ages[ages + place], percent });
    }
    entries.sort((one, other) => other.percent - one.percent);
    return { entries, elsewhere };
  }
}
