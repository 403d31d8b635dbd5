import type { Trust } from './events.ts';

/** What a compaction replaces, and by what. Nothing is deleted: it names the messages that the summary stands for. */
export interface CompactedTurns {
  readonly compaction: string;
  readonly replaces: {
    /** Turns that are replaced as from this compaction, oldest first; those of `previous` still are. */
    readonly turns: readonly string[];
    /** Positions of the events whose texts they were. */
    readonly positions: readonly number[];
    /** Turns that were asked for up to this position are replaced. */
    readonly upTo: number;
  };
  /** The compaction whose summary this one takes in; null for the first. */
  readonly previous: string | null;
  readonly summary: string;
  /** The least trusted of all that the summary may rest on; null: the user and the model; absent: from before it was recorded. */
  readonly heard?: Trust | null;
  /** `extract`: the beginnings of what was said, because no model answered usefully. */
  readonly by: 'model' | 'extract';
  readonly model: string | null;
  /** Why the model's answer was not used; texts of ours. */
  readonly problems: readonly string[];
  /** Tokens of the earlier messages of a prompt, estimated: before, and with the summary. */
  readonly tokens: { readonly before: number; readonly after: number };
}
