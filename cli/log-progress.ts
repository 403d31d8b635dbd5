import type { OnLogProgress } from '../eventstore/index.ts';
import { oneLine } from './format.ts';
import type { Output } from './output.ts';

const everyMs = 2_000;

/** Says how far an operation on a log has come, at most every 2 seconds: short ones say nothing. */
export function sayProgress({ say }: Pick<Output, 'say'>, now = performance.now.bind(performance)): OnLogProgress {
  let last = now();
  return ({ doing, tenant, position, of }) => {
    if (now() - last < everyMs) return;
    last = now();
    const share = of === 0 ? 100 : Math.floor((position / of) * 100);
    say(
      `${doing} ${oneLine(tenant)}: position ${position.toLocaleString('en')} of ${of.toLocaleString('en')} (${share} %)`,
    );
  };
}
