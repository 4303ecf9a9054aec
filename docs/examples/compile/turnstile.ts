import { compile, leftToInterpreter } from 'pythonarium/compile';
import { assign, createActor, setup } from 'xstate';

const turnstile = setup({
  types: {} as { context: { paid: number }; events: { type: 'coin' | 'push' | 'close' } },
  guards: { isFree: ({ context }) => context.paid === 0 },
  actions: { pay: assign({ paid: ({ context }) => context.paid + 1 }) },
}).createMachine({
  id: 'turnstile',
  context: { paid: 0 },
  initial: 'locked',
  states: {
    locked: { on: { coin: { target: 'open', actions: 'pay' }, close: { guard: 'isFree', target: 'closed' } } },
    open: { on: { push: 'locked' } },
    closed: { type: 'final' },
  },
});

const actor = createActor(compile(turnstile));
actor.subscribe(({ value, context }) => console.log(value, context.paid));
actor.start();
actor.send({ type: 'coin' });
actor.send({ type: 'push' });

console.log(leftToInterpreter(turnstile));
