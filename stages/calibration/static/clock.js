// The seconds spent on a record: those in which the tab is seen, and no more than two minutes at a stretch, as nobody looks longer.

const MOST = 120000; // milliseconds

export class Clock {
  constructor() {
    this.restart();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) Object.assign(this, { spent: this.seconds(), began: null });
      else this.began = performance.now();
    });
  }

  restart() {
    Object.assign(this, { spent: 0, began: performance.now() });
  }

  seconds() {
    return this.spent + (this.began === null ? 0 : Math.min(performance.now() - this.began, MOST) / 1000);
  }
}
