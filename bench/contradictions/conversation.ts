/** One message: when it was said, what was said, and what a model that reads well proposes for it. */
export type Line = readonly [day: string, text: string, ...model: readonly string[]];

/**
 * A conversation and what must be known after it. A fact is written `subject|relation|value`.
 * What the model proposes: `+fact` asserts, `~subject|relation|old>new` replaces, `-fact` takes back; `@2026-01-01` behind it is since
 * when, `..2026-02-01` until when.
 */
export interface Conversation {
  readonly name: string;
  readonly lines: readonly Line[];
  readonly now: readonly string[];
  /** @default nothing */
  readonly past?: readonly string[];
}
