import type { Boundary } from '../activities/deps.ts';

/**
 * Gives the function that activities call at each boundary. With a failpoint, the process ends itself there by SIGKILL, as a
 * power cut would: no handler runs, no buffer is flushed.
 * @param failpoint `boundary` or `boundary@turn`
 */
export function failpointReached(failpoint: string | null): (boundary: Boundary, turn: string) => void {
  if (failpoint === null) return () => undefined;
  const [wanted, turnWanted] = failpoint.split('@');
  return (boundary, turn) => {
    if (boundary === wanted && (turnWanted === undefined || turnWanted === turn)) process.kill(process.pid, 'SIGKILL');
  };
}
