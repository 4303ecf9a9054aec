import {
  type AssignArgs,
  assign,
  type EventObject,
  type MachineContext,
  type ParameterizedObject,
  type ProvidedActor,
} from 'xstate';

/**
 * `assign` for a function that returns all of the context, each name in its place. XState copies it all the same; a
 * table that is derived from the chart takes it for the context as it is. It cannot `spawn`.
 *
 * @returns The action that `assign` returns.
 */
export function assignWhole<
  TContext extends MachineContext,
  TExpressionEvent extends EventObject,
  TParams extends ParameterizedObject['params'] | undefined,
  TEvent extends EventObject,
  TActor extends ProvidedActor,
>(
  assigner: (args: Omit<AssignArgs<TContext, TExpressionEvent, TEvent, TActor>, 'spawn'>, params: TParams) => TContext,
): ReturnType<typeof assign<TContext, TExpressionEvent, TParams, TEvent, TActor>> {
  return Object.assign(assign<TContext, TExpressionEvent, TParams, TEvent, TActor>(assigner), { [WHOLE]: true });
}

/** Whether somebody has said so of an assignment; its assigner may be that of others, too. */
export function isWhole(action: object): boolean {
  return WHOLE in action;
}

// One for all copies of this library.
const WHOLE = Symbol.for('pythonarium.whole');
