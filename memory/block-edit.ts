/** A block as an edit finds it. */
export interface EditableBlock {
  readonly label: string;
  readonly value: string;
  /** Upper bound of the value in characters. */
  readonly limit: number;
  /** Agents may read it, not write it. */
  readonly readOnly: boolean;
}

/** What an agent wants to change about a block. */
export type BlockChange =
  { readonly append: string } | { readonly replace: { readonly old: string; readonly new: string } };

/** Why a change was refused, for programs. */
export type BlockRefusal = 'BLOCK_READ_ONLY' | 'BLOCK_TOO_LONG' | 'BLOCK_TEXT_NOT_FOUND' | 'BLOCK_TEXT_AMBIGUOUS';

/** The new value, or why there is none. */
export type BlockChanged = { readonly value: string } | { readonly refused: BlockRefusal; readonly reason: string };

/**
 * Applies an agent's change to a block: a line at its end, or one text in place of another that stands there exactly once. What would be
 * longer than the limit is refused, never cut.
 */
export function changeBlock(block: EditableBlock, change: BlockChange): BlockChanged {
  const { label, value, limit, readOnly } = block;
  if (readOnly) return { refused: 'BLOCK_READ_ONLY', reason: `block "${label}" can be read, not written` };
  const changed = 'append' in change ? appended(value, change.append) : replaced(block, change.replace);
  if (typeof changed !== 'string') return changed;
  if (changed.length > limit) {
    return {
      refused: 'BLOCK_TOO_LONG',
      reason: `block "${label}" would have ${changed.length} characters, its limit is ${limit}: shorten it first`,
    };
  }
  return { value: changed };
}

function appended(value: string, text: string): string {
  return value === '' || value.endsWith('\n') ? `${value}${text}` : `${value}\n${text}`;
}

function replaced(
  { label, value }: EditableBlock,
  { old, new: by }: { old: string; new: string },
): string | BlockChanged {
  // An empty block has nothing to name: replacing nothing fills it.
  if (old === '' && value === '') return by;
  const places = old === '' ? 0 : value.split(old).length - 1;
  if (places === 1) return value.replace(old, () => by);
  return places === 0
    ? { refused: 'BLOCK_TEXT_NOT_FOUND', reason: `block "${label}" does not have this text; it has to be exact` }
    : { refused: 'BLOCK_TEXT_AMBIGUOUS', reason: `block "${label}" has this text ${places} times: give more of it` };
}
