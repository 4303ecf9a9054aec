import { manyAtATime } from './coalescing.mjs';

/** Many calls at a time, of which each answer is written at once, by sides that look for what comes before they sleep. */
export default manyAtATime('each answered at once, looking before it sleeps', './plain.py', true);
