import type { HoldfastClient, SendTurn } from '../client/index.ts';
import { StreamTimeoutError } from '../client/client-errors.ts';
import { dim, plain } from './format.ts';
import { withApprovals } from './turn-text.ts';
import type { AnsweredTurn } from './turn-text.ts';

/** How a turn is shown while it happens. */
export interface ShowTurn {
  /** Written before the first words. @default nothing */
  readonly prefix?: string;
  /** Go on after this offset. @default the beginning of the turn */
  readonly from?: string | undefined;
  readonly timeoutMs: number;
  /** Called when something happened. */
  readonly onNews?: () => void;
}

/** A turn that was shown until it ended, waits for a person, or the time was up. */
export interface ShownTurn extends AnsweredTurn {
  /** Where to go on. */
  readonly offset: string | undefined;
  /** Words of the last step stand on the screen. */
  readonly hasWords: boolean;
}

/** Writes the words of a turn to stdout as they come, until it ends, waits for a person, or the time is up. */
export async function showTurn(
  client: HoldfastClient,
  what: SendTurn & { readonly turn: string },
  { prefix = '', from, timeoutMs, onNews = () => undefined }: ShowTurn,
): Promise<ShownTurn> {
  let offset = from;
  let step = 0;
  const request = from === undefined ? what : what.turn;
  try {
    for await (const item of client.turns.stream(request, { timeoutMs, ...(from === undefined ? {} : { from }) })) {
      onNews();
      offset = item.offset;
      if (item.type === 'text') {
        if (step !== item.step) print(step === 0 ? prefix : '\n');
        step = item.step;
        print(plain(item.text));
      } else if (item.type === 'reset') {
        print(dim('\n(the model is asked again)\n'));
      } else if (item.type === 'tool' && item.state === 'started') {
        process.stderr.write(dim(`${step === 0 ? '' : '\n'}${plain(item.tool)} …\n`, process.stderr));
      } else if (item.type === 'approval' && item.state === 'waiting') break;
    }
  } catch (error) {
    if (!(error instanceof StreamTimeoutError)) throw error;
  }
  if (step > 0) print('\n');
  const answered = await withApprovals(client, await client.turns.get(what.turn));
  return { ...answered, offset, hasWords: step > 0 && step === answered.turn.steps };
}

const print = (text: string): void => void process.stdout.write(text);
