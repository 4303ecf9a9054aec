/** Whatever is called: the pool, or the serialised pool. */
export interface Callee {
  call(name: string, args: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}
