import looking from './looking.mjs';

/** A bare line behind a queue of what cannot be sent yet, first come, first served: a promise and a text each, and nothing else. */
export default {
  name: 'floor: a queue before a bare line',
  async start({ python, inFlight, name }) {
    const { call: send, close } = await looking.start({ python, workers: 1, name });
    const waiting = new Queue();
    let free = inFlight;
    const pass = (args) =>
      send(name, args).then((value) => {
        const next = waiting.take();
        if (next === undefined) free += 1;
        else next.resolve(pass(next.args));
        return value;
      });
    return {
      call: (_name, args) => {
        if (free === 0) return new Promise((resolve) => waiting.put({ args, resolve }));
        free -= 1;
        return pass(args);
      },
      waiting: () => waiting.size,
      close,
    };
  },
};

/** Two lists, of which one is taken from while the other is added to. */
class Queue {
  #front = [];
  #back = [];

  get size() {
    return this.#front.length + this.#back.length;
  }

  put(item) {
    this.#back.push(item);
  }

  take() {
    if (this.#front.length === 0) [this.#front, this.#back] = [this.#back.reverse(), this.#front];
    return this.#front.pop();
  }
}
