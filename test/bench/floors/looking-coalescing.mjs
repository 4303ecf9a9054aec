import { manyAtATime } from './coalescing.mjs';

/** Many calls at a time, joined into few writes on both sides, which look for what comes before they sleep. */
export default manyAtATime('answers joined, looking before it sleeps', './coalescing.py', true);
