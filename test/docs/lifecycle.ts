/**
 * Writes docs/lifecycle.md from the charts: `npx tsx test/docs/lifecycle.ts`.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AnyStateMachine } from 'xstate';
import { clientMachine, coordinatorMachine, supervisorMachine, workerMachine } from '../../machines/index.js';
import { type Transition, transitionsOf } from '../model/transitions.js';
import { UNHEARD } from '../model/unheard.js';

export const LIFECYCLE_FILE = fileURLToPath(new URL('../../docs/lifecycle.md', import.meta.url));

/** The whole page. */
export function lifecyclePage(): string {
  return [INTRODUCTION, ...CHAPTERS.map(chapter), ''].join('\n\n');
}

interface Chapter {
  readonly chart: keyof typeof UNHEARD;
  readonly machine: AnyStateMachine;
  readonly text: string;
}

function chapter({ chart, machine, text }: Chapter): string {
  return [
    `## The ${chart}`,
    text,
    `\`\`\`mermaid\n${diagram(machine)}\n\`\`\``,
    ...effects(machine),
    ...whatMayCome(UNHEARD[chart]),
  ].join('\n\n');
}

/** A Mermaid state diagram: `event [guard] / actions` on each arrow, one line for each transition. */
export function diagram(machine: AnyStateMachine): string {
  const arrows = new Map<string, string[]>();
  for (const transition of transitionsOf(machine)) {
    const arrow = `${transition.state} --> ${transition.target ?? transition.state}`;
    arrows.set(arrow, [...(arrows.get(arrow) ?? []), label(transition)]);
  }
  const finals = Object.values(machine.states).filter(({ type }) => type === 'final');
  return [
    'stateDiagram-v2',
    `  [*] --> ${machine.config.initial}`,
    ...[...arrows].map(([arrow, labels]) => `  ${arrow} : ${labels.join('<br/>')}`),
    ...finals.map(({ key }) => `  ${key} --> [*]`),
  ].join('\n');
}

function label({ event, guard, index, actions }: Transition): string {
  const when = guard !== null ? ` [${guard}]` : index > 0 ? ' [else]' : '';
  const then = actions.length > 0 ? ` / ${actions.join(', ')}` : '';
  return `${event}${when}${then}`;
}

/** What happens whenever a state is entered, whichever way. */
function effects(machine: AnyStateMachine): string[] {
  const lines = [machine.root, ...Object.values(machine.states)].flatMap(({ key, parent, entry }) => {
    // What is no name is XState's own: the winding up of a timeout.
    const names = entry.flatMap((action) => (typeof action === 'string' ? [`\`${action}\``] : []));
    if (names.length === 0) return [];
    return [`- ${parent ? `on entering \`${key}\`` : 'at the beginning'}: ${names.join(', ')}`];
  });
  return lines.length === 0 ? [] : [lines.join('\n')];
}

function whatMayCome(states: Record<string, { may: readonly string[] }>): string[] {
  const rows = Object.entries(states).filter(([, { may }]) => may.length > 0);
  if (rows.length === 0) return [];
  const lines = rows.map(([state, { may }]) => `- \`${state}\`: ${may.map((event) => `\`${event}\``).join(', ')}`);
  return [`What may still come, from somebody who could not know better, and changes nothing:\n\n${lines.join('\n')}`];
}

const INTRODUCTION = `# Lifecycle

What may happen, as the charts in \`machines/\` say it. This page is made from them by \`test/docs/lifecycle.ts\`, and a test
fails when the two differ. On an arrow stand the event, the guard in brackets, and after the slash what is done; \`after\`
is a timeout, \`always\` needs no event, and the first arrow whose guard holds is taken. Each transition, and what it
promises, is in \`test/model\`; what the charts promise together is in \`test/system\`.`;

const CHAPTERS: readonly Chapter[] = [
  {
    chart: 'worker',
    machine: workerMachine,
    text:
      'One Python process. Each of its slots (one, unless told otherwise) is leased to one client at a time, and is free again\n' +
      'only once it owes no answer. A lease is *revoked* when nobody waits for the answer any more, and *overdue* when that has\n' +
      'not come within the grace time: then the worker ends, once the calls in its other slots have finished or had their time.\n' +
      'While it waits for those it is `evicting`, and it stays if the answer comes after all.',
  },
  {
    chart: 'coordinator',
    machine: coordinatorMachine,
    text:
      'Who is free, who waits, who gets whom. It has two events for each lease: `lease.request` and `slot.freed`. The lease is\n' +
      'granted where an arrow says `sendGrant` or `sendGrants`. One that is offered goes on to the next caller as it is (`sendAccepted`),\n' +
      'or back.',
  },
  {
    chart: 'client',
    machine: clientMachine,
    text:
      'The client of one slot. It runs the exchange with the worker that granted the lease, and gives the lease back with its id,\n' +
      'so that whatever comes late can be told from what is meant. Once its call has been answered, another may have the lease.',
  },
  {
    chart: 'supervisor',
    machine: supervisorMachine,
    text: "The pool's life, and the number of its workers. The other three are its children.",
  },
];

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(LIFECYCLE_FILE, lifecyclePage());
