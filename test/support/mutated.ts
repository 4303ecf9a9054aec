/** A mutant is being tried (`npm run mutation`). Each test runs thousands of times then, and what takes a second or more takes hours. */
export const isMutated = process.env.MUTATION_GROUP !== undefined;
