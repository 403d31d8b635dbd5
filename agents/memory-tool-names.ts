/** The tools of memory, by which a model writes and reads inside its step. */
export const memoryToolNames = [
  'memory_remember',
  'memory_search',
  'memory_correct',
  'memory_forget',
  'block_append',
  'block_replace',
] as const;

/** One of {@link memoryToolNames}. */
export type MemoryToolName = (typeof memoryToolNames)[number];

/** The tools an agent gets that names none: those of blocks where it has blocks. */
export function defaultMemoryTools({ hasBlocks }: { readonly hasBlocks: boolean }): readonly MemoryToolName[] {
  return memoryToolNames.filter((name) => hasBlocks || !name.startsWith('block_'));
}
