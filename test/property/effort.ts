/**
 * How often a property is tried. `PROPERTY_RUNS=5000 npx vitest run test/property` looks longer than usual; without
 * it a slow machine stops after 40 seconds, with what it has tried by then.
 */
export function effort(usualRuns: number): { numRuns: number; interruptAfterTimeLimit?: number } {
  const { PROPERTY_RUNS } = process.env;
  if (PROPERTY_RUNS !== undefined) return { numRuns: Number(PROPERTY_RUNS) };
  return { numRuns: usualRuns, interruptAfterTimeLimit: 40_000 };
}
