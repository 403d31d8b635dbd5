import { cleanText } from '../eventstore/index.ts';
import { streams } from '../memory/keys.ts';
import type { Scope } from '../memory/scope.ts';
import { isVisible } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { readViews } from '../projections/read-views.ts';
import { readBlocks } from '../projections/working/queries.ts';
import type { BlockRow } from '../projections/working/queries.ts';
import { BlockConflictError, InvalidBlockError } from './client-errors.ts';
import type { ClientContext } from './send-turn.ts';

/** A change of a block of working memory. */
export interface BlockEdit {
  readonly scope: Scope;
  readonly label: string;
  readonly value: string;
  /** Who changes it, and why; recorded. */
  readonly actor: string;
  readonly reason: string;
  /** What belongs there, for the model. @default as it is; required for a new block */
  readonly description?: string;
  /** Upper bound of the value in characters. @default as it is, or 2000 */
  readonly limit?: number;
  /** Agents may read it, not edit it. @default as it is, or false */
  readonly readOnly?: boolean;
  /** Compare and set: only if the block still has this value (null: only if there is none). @default whatever it is now */
  readonly expectedValue?: string | null;
}

/**
 * Sets a block that stands in every prompt of its scope. Two edits at once cannot both win: the later one gets
 * BlockConflictError with the value that stands. An edit to what stands already writes nothing. Throws InvalidBlockError when the value is longer than the block's limit.
 */
export async function editBlock(context: ClientContext, edit: BlockEdit): Promise<BlockRow> {
  const { scope, label, value, actor, reason } = edit;
  const stream = streams.block(scope, label);
  const [newest] = await Array.fromAsync(
    context.store.readStream(context.tenant, stream, { backwards: true, limit: 1 }),
  );
  const before = await findBlock(context, scope, label);
  const description = edit.description ?? before?.description;
  const limit = edit.limit ?? before?.limit ?? 2_000;
  const readOnly = edit.readOnly ?? before?.readOnly ?? false;
  if (label === '' || description === undefined) {
    throw new InvalidBlockError(
      `Block "${label}" is new and needs a label and a description.`,
      'Say in the description what belongs there: the model reads it.',
    );
  }
  if (value.length > limit) {
    throw new InvalidBlockError(
      `The value of block "${label}" has ${value.length} characters; its limit is ${limit}.`,
      'Shorten the value, or raise the limit.',
    );
  }
  // A repeat, from a caller who does not know whether the first went through, or somebody who wants the same.
  if (
    before?.value === value &&
    before.description === description &&
    before.limit === limit &&
    before.readOnly === readOnly
  )
    return before;
  if (edit.expectedValue !== undefined && edit.expectedValue !== (before?.value ?? null)) {
    throw new BlockConflictError(label, before?.value ?? null);
  }
  const version = newest?.version ?? 0;
  // One id per version of the block: of two edits that saw the same version, the log takes one.
  const receipt = await context.store.append(context.tenant, {
    id: `${stream}/v${version + 1}`,
    streams: [{ name: stream, expectedVersion: version }],
    events: [
      {
        type: 'BlockEdited',
        stream,
        subjects: subjectsOf(scope),
        data: { scope, label, description, value, limit, ...(readOnly ? { readOnly } : {}), actor, reason },
      },
    ],
    // What is kept of it must not come back once its user is forgotten.
    ...(before ? { readAt: before.position } : {}),
    meta: { actor },
  });
  const after = await findBlock(context, scope, label);
  if (receipt.bodyDiffers || !after) throw new BlockConflictError(label, after?.value ?? null);
  return after;
}

/** The block of exactly this scope, if there is one. */
async function findBlock(context: ClientContext, scope: Scope, label: string): Promise<BlockRow | undefined> {
  const tenant = await context.store.tenantNumber(context.tenant);
  const blocks = await readViews(context.pool, tenant, (reader) => readBlocks(reader, scope));
  return blocks.find((block) => block.label === cleanText(label) && isVisible(scope, block.scope));
}
