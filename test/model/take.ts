import type { ActorScope, AnyActorRef, AnyEventObject, AnyStateMachine, InputFrom, SnapshotFrom } from 'xstate';

/** What one event did to one actor. */
export interface Taken<TSnapshot> {
  readonly snapshot: TSnapshot;
  /** The effects that ran, by name, each with what it was given to see. */
  readonly ran: readonly Effect[];
  /** What was said, in order. XState says it once the new snapshot is in place. */
  readonly said: readonly Said[];
}

export interface Effect {
  readonly name: string;
  readonly params: unknown;
  readonly context: unknown;
  readonly event: AnyEventObject;
}

export type Said =
  | { readonly how: 'send'; readonly to: AnyActorRef; readonly event: AnyEventObject }
  | { readonly how: 'emit'; readonly event: AnyEventObject }
  | { readonly how: 'schedule'; readonly event: AnyEventObject; readonly delayMs: number }
  /** What was scheduled under that name is not to come any more. */
  | { readonly how: 'cancel'; readonly id: string };

/** Gives `event` to `snapshot` by the chart alone: no actor runs, and what it would have done is returned. */
export function take<TMachine extends AnyStateMachine>(
  machine: TMachine,
  snapshot: SnapshotFrom<TMachine>,
  event: AnyEventObject,
  self: AnyActorRef = inertRef(machine.id),
): Taken<SnapshotFrom<TMachine>> {
  return witnessed(self, (scope) => machine.transition(snapshot, event, scope as never) as SnapshotFrom<TMachine>);
}

/** The first snapshot of a chart, and what entering it did. */
export function begin<TMachine extends AnyStateMachine>(
  machine: TMachine,
  input: InputFrom<TMachine>,
  self: AnyActorRef = inertRef(machine.id),
): Taken<SnapshotFrom<TMachine>> {
  return witnessed(self, (scope) => machine.getInitialSnapshot(scope as never, input) as SnapshotFrom<TMachine>);
}

/** Something to be sent to that does nothing: an address, and no actor. */
export function inertRef<TRef extends AnyActorRef>(id: string): TRef {
  return { id, sessionId: id, _send: () => {}, toJSON: () => `@${id}` } as unknown as TRef;
}

function witnessed<TSnapshot>(self: AnyActorRef, step: (scope: InertScope) => TSnapshot): Taken<TSnapshot> {
  const ran: Effect[] = [];
  const said: Said[] = [];
  const deferred: (() => void)[] = [];
  const snapshot = step({
    self,
    id: self.id,
    sessionId: self.id,
    logger: () => {},
    defer: (say) => deferred.push(say),
    emit: (event) => said.push({ how: 'emit', event }),
    stopChild: () => {},
    actionExecutor: ({ type, info, exec, params }) => {
      if (type.startsWith('xstate.')) exec?.(info, params);
      else ran.push({ name: type, params, context: info.context, event: info.event });
    },
    system: {
      _relay: (_source, to, event) => said.push({ how: 'send', to, event }),
      _sendInspectionEvent: () => {},
      scheduler: {
        schedule: (_source, _target, event, delayMs) => said.push({ how: 'schedule', event, delayMs }),
        cancel: (_source, id) => said.push({ how: 'cancel', id }),
      },
    },
  });
  for (const say of deferred) say();
  return { snapshot, ran, said };
}

/** As much of XState's scope as a chart touches. */
interface InertScope {
  self: AnyActorRef;
  id: string;
  sessionId: string;
  logger: () => void;
  defer: (say: () => void) => void;
  emit: (event: AnyEventObject) => void;
  stopChild: () => void;
  actionExecutor: ActorScope<never, never>['actionExecutor'];
  system: {
    _relay: (source: unknown, to: AnyActorRef, event: AnyEventObject) => void;
    _sendInspectionEvent: () => void;
    scheduler: {
      schedule: (source: unknown, target: unknown, event: AnyEventObject, delayMs: number) => void;
      cancel: (source: unknown, id: string) => void;
    };
  };
}
