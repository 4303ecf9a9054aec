import type { Kwargs } from '../values/kw.js';

/** A function of `pool.py`, as `map` takes it in the place of a name: one that is called for a result, and no stream. */
// biome-ignore lint/suspicious/noExplicitAny: a constraint that every function meets
export type PyFunction = (...args: any[]) => Promise<unknown>;

/**
 * What a `map` of that function goes over: its one argument, or keyword arguments made by `kw`. Of several arguments the
 * first, where the others may be left out or given by keyword. Of what is called by its name nothing is known.
 */
export type MappedItem<Function> = Function extends PyFunction ? ItemOf<SignaturesOf<Function>> : unknown;

/** What a `map` of that function yields: what a call with one argument gives. Of overloads, what any of them gives. */
export type MappedResult<Function> = Function extends PyFunction
  ? typeof MADE_OF extends keyof Function
    ? Function extends { readonly [MADE_OF]?: infer Result }
      ? Result
      : never
    : ResultOf<SignaturesOf<Function>>
  : unknown;

/**
 * What a `map` of that function may be told for all items, by the option `kwargs`: what stands in `kw` behind the item. Of
 * overloads, what any of them takes.
 */
export type MappedKwargs<Function> = Function extends PyFunction
  ? typeof MADE_OF extends keyof Function
    ? AnyKwargs
    : KwargsOf<SignaturesOf<Function>>
  : AnyKwargs;

type AnyKwargs = Readonly<Record<string, unknown>>;

/** By it TypeScript knows the result of a function that is written as Python has it. Never there. */
export declare const MADE_OF: unique symbol;

type ItemOf<Signature> = Signature extends [infer Args extends readonly unknown[], unknown] ? OneArgument<Args> : never;

type ResultOf<Signature> = Signature extends [infer Args extends readonly unknown[], infer Result]
  ? [OneArgument<Args>] extends [never]
    ? never
    : Awaited<Result>
  : never;

type KwargsOf<Signature> = Signature extends [infer Args extends readonly unknown[], unknown]
  ? unknown[] extends Args
    ? AnyKwargs
    : Required<Args> extends readonly [...infer Before, Kwargs<infer Values>]
      ? [FirstAlone<Before>] extends [never]
        ? never
        : Values
      : never
  : never;

/** `never` for what cannot be called with one, and keyword arguments. */
type OneArgument<Args extends readonly unknown[]> = Args extends readonly [infer All extends Kwargs]
  ? All
  : Args extends readonly [...infer Before, Kwargs]
    ? FirstAlone<Before>
    : FirstAlone<Args>;

type FirstAlone<Args extends readonly unknown[]> = Args extends readonly []
  ? never
  : Args extends readonly [first?: infer First, ...others: infer Others]
    ? [] extends Others
      ? First
      : never
    : never;

/** Each overload as its arguments and what it gives. Where there are fewer than here, TypeScript takes the first for several; of more it sees the last twelve. */
type SignaturesOf<Function> = Function extends {
  (...args: infer A): infer AResult;
  (...args: infer B): infer BResult;
  (...args: infer C): infer CResult;
  (...args: infer D): infer DResult;
  (...args: infer E): infer EResult;
  (...args: infer F): infer FResult;
  (...args: infer G): infer GResult;
  (...args: infer H): infer HResult;
  (...args: infer I): infer IResult;
  (...args: infer J): infer JResult;
  (...args: infer K): infer KResult;
  (...args: infer L): infer LResult;
}
  ?
      | [A, AResult]
      | [B, BResult]
      | [C, CResult]
      | [D, DResult]
      | [E, EResult]
      | [F, FResult]
      | [G, GResult]
      | [H, HResult]
      | [I, IResult]
      | [J, JResult]
      | [K, KResult]
      | [L, LResult]
  : never;
