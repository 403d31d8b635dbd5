import { setTimeout as delay } from 'node:timers/promises';
import { openArena } from '../../chaos/arena.ts';
import { makeStackFolder, removeStackFolder } from '../../stack/private-folder.ts';
import { createRandom } from '../../chaos/random.ts';
import type { Random } from '../../chaos/random.ts';
import { holdfast, program } from './contenders.ts';
import type { Contender } from './contenders.ts';
import { countLosses } from './count-losses.ts';
import type { Asked, Losses } from './count-losses.ts';
import { say } from './scenario.ts';

/** What became of one memory. */
export interface Outcome extends Losses {
  readonly name: string;
  /** Kills of its worker in the middle of a turn. */
  readonly kills: number;
}

/**
 * Has each memory store five insights a turn while its worker is killed in the middle of turns. A client whose turn was
 * interrupted asks for the same turn again, and one in five gives up, as people do.
 *
 * @param options.kills for each memory.
 */
export async function compare(options: {
  readonly kills: number;
  readonly seed: number;
  readonly onProgress: (line: string) => void;
}): Promise<Outcome[]> {
  const folder = await makeStackFolder();
  const arena = await openArena(folder);
  try {
    const contenders = [
      await program(arena, 'home-made (rows with vectors)', 'home-made.ts', 'select content as text from memories'),
      await program(
        arena,
        'checkpointer and store (LangGraph)',
        'checkpointer-and-store.ts',
        `select value ->> 'content' as text from store`,
      ),
      await holdfast(arena),
    ];
    const outcomes: Outcome[] = [];
    for (const contender of contenders) {
      options.onProgress(`killing ${contender.name}`);
      outcomes.push(await torment(contender, options.kills, createRandom(options.seed)));
    }
    return outcomes;
  } finally {
    await arena.stop();
    await removeStackFolder(folder);
  }
}

async function torment(contender: Contender, kills: number, random: Random): Promise<Outcome> {
  await contender.start();
  const asked: Asked[] = [];
  let n = 0;
  // Some turns in peace, to know how long one takes.
  const times: number[] = [];
  for (; n < 8; n++) {
    const began = performance.now();
    await contender.ask(say(n));
    times.push(performance.now() - began);
    asked.push({ ...say(n), acknowledged: true });
  }
  const usualMs = times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
  let struck = 0;
  for (; struck < kills; n++) {
    const said = say(n);
    const ask = (): Promise<boolean> =>
      contender.ask(said).then(
        () => true,
        () => false,
      );
    const first = ask();
    await delay(random.next() * usualMs);
    // What was answered before the kill was not struck in the middle.
    const answered = await Promise.race([first, Promise.resolve(null)]);
    if (answered === null && (await contender.kill())) struck += 1;
    await contender.start();
    let acknowledged = await first;
    for (let again = 0; !acknowledged && again < 20 && random.next() >= 0.2; again++) acknowledged = await ask();
    asked.push({ ...said, acknowledged });
  }
  await contender.stop();
  return { name: contender.name, kills: struck, ...countLosses(asked, await contender.stored()) };
}
