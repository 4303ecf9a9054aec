import workerpool from 'workerpool';
import { answer, leave, spin } from './tasks.mjs';

workerpool.worker({ answer, leave, spin });
