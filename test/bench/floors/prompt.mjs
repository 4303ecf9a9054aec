import { manyAtATime } from './coalescing.mjs';

/** Many calls at a time, of which each answer is written at once: with few under way, neither side has to wait for the other. */
export default manyAtATime('each answered at once', './plain.py');
