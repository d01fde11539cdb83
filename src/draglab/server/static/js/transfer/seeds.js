/** The seeds that come next: those that are suggested for the model, then one after the other. */

const LARGEST = 2 ** 32 - 1;

export class Seeds {
  constructor() {
    /** @type {number[]} those that come before `from` */
    this.first = [];
    /** Where counting goes on. */
    this.from = 0;
  }

  /** The seed that comes next. */
  get next() {
    return this.first[0] ?? this.from;
  }

  /** Goes on from a seed that the person chose. @param {number} seed */
  goTo(seed) {
    this.first = [];
    this.from = Math.min(Math.max(Math.trunc(seed) || 0, 0), LARGEST);
  }

  /**
   * Takes the next seeds that are not known yet; fewer at the end of all seeds.
   *
   * @param {number} count
   * @param {(seed: number) => boolean} isKnown
   */
  take(count, isKnown) {
    /** @type {number[]} */
    const taken = [];
    while (taken.length < count && this.first.length > 0) {
      const seed = /** @type {number} */ (this.first.shift());
      if (!isKnown(seed)) taken.push(seed);
    }
    for (; taken.length < count && this.from <= LARGEST; this.from++) {
      if (!isKnown(this.from) && !taken.includes(this.from)) taken.push(this.from);
    }
    return taken;
  }

  /** Puts back what was taken and not done. @param {number[]} seeds */
  putBack(seeds) {
    this.first.unshift(...seeds);
  }
}
