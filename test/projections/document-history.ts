import type { MemoryEvent } from '../../memory/events.ts';

/** Documents of a history: one that stays in its second version, one that goes. The last event of each part makes it complete. */
export function documentsOf({
  mark,
  now,
  commit,
}: {
  readonly mark: string;
  readonly now: () => string;
  readonly commit: (id: string, ...events: readonly MemoryEvent[]) => void;
}): void {
  const scope = { user: 'ana' };
  for (const name of ['stays', 'goes']) {
    const document = `d-${mark}-${name}`;
    const about = { document, scope };
    const source = `${name} of ${mark}.md`;
    const stored = (version: number, ordinal: number): MemoryEvent => ({
      type: 'DocumentChunkStored',
      data: {
        ...{
          ...about,
          chunk: `${document}/${version}/${ordinal}`,
          source,
          ordinal,
          start: ordinal * 40,
          end: ordinal * 40 + 30,
        },
        ...{ section: `Heading of ${mark}`, text: `Part ${ordinal} about tea of ${mark}\0`, occurredAt: now() },
      },
    });
    const head = (chunks: number): MemoryEvent => ({
      type: 'DocumentStored',
      data: {
        ...{
          ...about,
          source,
          title: `Title of ${mark}`,
          mimeType: 'text/markdown',
          contentHash: `hash of ${mark} ${chunks}`,
        },
        ...{ length: chunks * 40, chunks, occurredAt: now() },
      },
    });
    commit(`document/${name}/1`, ...[0, 1, 2].map((ordinal) => stored(1, ordinal)), head(3));
    commit(
      `document/${name}/2`,
      stored(2, 0),
      {
        type: 'DocumentChunksMoved',
        data: {
          ...{ ...about, source },
          chunks: [
            {
              chunk: `${document}/1/1`,
              contentHash: `of ${mark}`,
              ordinal: 3,
              start: 120,
              end: 150,
              section: `Other of ${mark}`,
            },
          ],
        },
      },
      { type: 'DocumentChunksEnded', data: { ...about, chunks: [`${document}/1/0`] } },
      head(3),
    );
    if (name === 'goes')
      commit(`document/${name}/end`, {
        type: 'DocumentRemoved',
        data: { ...about, chunks: [`${document}/1/1`, `${document}/1/2`, `${document}/2/0`] },
      });
  }
}
