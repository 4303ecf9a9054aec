/** How often a property is tried: `PROPERTY_RUNS=5000 npx vitest run test/property` looks longer than usual. */
export function runs(usual: number): number {
  return Number(process.env.PROPERTY_RUNS ?? usual);
}
