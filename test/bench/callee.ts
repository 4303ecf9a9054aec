/** Whatever a bench calls: the pool, the serialised pool, a bare pipe. */
export interface Callee {
  call(name: string, args: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}
