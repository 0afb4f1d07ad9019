// What is asked of the server goes one after the other. Until its record is shown, keys and buttons do nothing: what is typed for the
// next record must not reach the one before.

export class Turns {
  /** `attempt(work)` runs it and never fails; `onBusy(is it?)` hears whether a record is awaited. */
  constructor(attempt, onBusy) {
    Object.assign(this, { attempt, onBusy, last: Promise.resolve(), own: null, awaited: new Set() });
  }

  get busy() {
    return this.awaited.size > 0;
  }

  /** Runs the work after all before it; `waiting`: a record is shown at its end, for which `shown` is called. */
  run(work, waiting = true) {
    const own = {};
    if (waiting) this.awaited.add(own);
    this.onBusy(this.busy);
    this.last = this.last.then(() => ((this.own = own), this.attempt(work))).finally(() => this.arrived(own));
    return this.last;
  }

  /** The record of the turn that runs is there. */
  shown() {
    this.arrived(this.own);
  }

  arrived(own) {
    this.awaited.delete(own);
    this.onBusy(this.busy);
  }
}
