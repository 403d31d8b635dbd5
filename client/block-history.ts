import type { BlockEdited } from '../memory/events.ts';
import { streams } from '../memory/keys.ts';
import type { Scope } from '../memory/scope.ts';
import type { ClientContext } from './send-turn.ts';

/** One edit of a block, as it was recorded. */
export interface BlockVersion extends Omit<BlockEdited['data'], 'scope' | 'label' | 'readOnly'> {
  /** From 1. */
  readonly version: number;
  readonly position: number;
  readonly readOnly: boolean;
  readonly editedAt: Date;
  /** True when the user it is about was forgotten: the words are gone. */
  readonly forgotten: boolean;
}

/** Which block. */
export interface BlockRef {
  /** The one that it lives in; a fork's edits have `fork` (`holdfast memory blocks` shows it). */
  readonly scope: Scope;
  readonly label: string;
}

/** Every edit of the block of exactly this scope, oldest first; none when it was never edited. */
export async function blockHistory(context: ClientContext, { scope, label }: BlockRef): Promise<BlockVersion[]> {
  const versions: BlockVersion[] = [];
  for await (const event of context.store.readStream(context.tenant, streams.block(scope, label))) {
    if (event.type !== 'BlockEdited') continue;
    const { description, value, limit, readOnly = false, actor, reason } = event.data;
    versions.push({
      ...{ version: event.version, position: event.position, editedAt: event.recordedAt },
      ...{ description, value, limit, readOnly, actor, reason, forgotten: event.forgotten ?? false },
    });
  }
  return versions;
}
