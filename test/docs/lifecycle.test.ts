import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientMachine } from '../../machines/index.js';
import { diagram, LIFECYCLE_FILE, lifecyclePage } from './lifecycle.js';

describe('docs/lifecycle.md', () => {
  it('is what the charts say now (else: npx tsx test/docs/lifecycle.ts)', () => {
    expect(readFileSync(LIFECYCLE_FILE, 'utf8')).toBe(lifecyclePage());
  });

  it('draws each arrow of a chart, with all that leads along it', () => {
    expect(diagram(clientMachine)).toBe(
      [
        'stateDiagram-v2',
        '  [*] --> free',
        '  free --> exchanging : lease.granted / holdLease, beginExchange',
        '  free --> free : lease.accepted / returnWaiter',
        '  exchanging --> exchanging : lease.accepted [isHeldLease] / continueExchange',
        '  exchanging --> free : lease.declined [isHeldLease] / endExchange, releaseLease, dropLease' +
          '<br/>exchange.ended [isHeldLease] / releaseLease, dropLease' +
          '<br/>lease.lost [isHeldLease] / failExchange, dropLease',
        '  exchanging --> cancelling : exchange.abandoned [isHeldLease] / revokeLease',
        '  cancelling --> free : exchange.ended [isHeldLease] / releaseLease, dropLease' +
          '<br/>lease.lost [isHeldLease] / failExchange, dropLease',
        '  cancelling --> exchanging : exchange.resumed [isHeldLease] / resumeLease',
        '  cancelling --> cancelling : after cancelGrace / reportOverdue',
      ].join('\n'),
    );
  });
});
