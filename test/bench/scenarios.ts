import { bytesScenario } from './bytes.js';
import { forkScenario } from './fork.js';
import { itemsScenario } from './items.js';
import { nFoldScenario } from './n-fold.js';
import type { Scenario } from './scenario.js';
import { firstAnswer } from './scenarios/first-answer.js';
import { growing } from './scenarios/growing.js';
import { inFlight } from './scenarios/in-flight.js';
import { json } from './scenarios/json.js';
import { lease } from './scenarios/lease.js';
import { map } from './scenarios/map.js';
import { memory } from './scenarios/memory.js';
import { peers } from './scenarios/peers.js';
import { rawBytes } from './scenarios/raw-bytes.js';
import { scaling } from './scenarios/scaling.js';
import { sequential } from './scenarios/sequential.js';
import { shortWork } from './scenarios/short-work.js';
import { unwatched } from './scenarios/unwatched.js';
import { tableScenario } from './table.js';

/** All that can be measured, in the order in which it is. */
export const SCENARIOS: readonly Scenario[] = [
  lease,
  sequential,
  inFlight,
  shortWork,
  map,
  peers,
  scaling,
  json,
  rawBytes,
  firstAnswer,
  growing,
  memory,
  unwatched,
  nFoldScenario,
  bytesScenario,
  itemsScenario,
  forkScenario,
  tableScenario,
];
