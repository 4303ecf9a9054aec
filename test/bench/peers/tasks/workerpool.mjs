import workerpool from 'workerpool';
import { add, give_back } from './node.mjs';

workerpool.worker({ add: (...args) => add(args), give_back: (...args) => give_back(args) });
