/** A piece of a document, with where it stands. */
export interface Chunk {
  /** Exactly the document's text from `start` to `end`. */
  readonly text: string;
  /** Offsets in the document in UTF-16 code units; `end` is the first one after it. */
  readonly start: number;
  readonly end: number;
  /** The headings it stands under, the highest first. */
  readonly headings: readonly string[];
}

export interface ChunkOptions {
  /** Most tokens of a chunk, a quarter of its UTF-8 bytes each; at least 16. @default 200 */
  readonly maxTokens?: number;
  /** About how many tokens a chunk repeats of the one before it in its section; less than half of `maxTokens`. @default 24 */
  readonly overlapTokens?: number;
  /** Whether lines that begin with `#` are headings (Markdown). @default true */
  readonly headings?: boolean;
}

interface Section {
  readonly start: number;
  readonly end: number;
  readonly headings: readonly string[];
}

/**
 * Cuts a document into chunks: never across a heading, and rather between paragraphs than lines, sentences or words. Only a word that is longer
 * than a chunk is cut, never inside a character. Everything but white space stands in at least one chunk. The same text gives the same chunks,
 * and a change in one section leaves the chunks of the others as they are.
 */
export function chunk(
  text: string,
  { maxTokens = 200, overlapTokens = 24, headings = true }: ChunkOptions = {},
): Chunk[] {
  if (!(maxTokens >= 16) || !(overlapTokens >= 0) || overlapTokens * 2 >= maxTokens)
    throw new RangeError(
      `A chunk takes 16 tokens or more and repeats less than half of them; given were ${maxTokens} and ${overlapTokens}.`,
    );
  const most = maxTokens * 4;
  const overlap = overlapTokens * 4;
  const chunks: Chunk[] = [];
  for (const section of headings ? sectionsOf(text) : [{ start: 0, end: text.length, headings: [] }]) {
    let from = skipSpace(text, section.start, section.end);
    const first = from;
    while (from < section.end) {
      const start = from === first ? from : overlapStart(text, { from, least: first, overlap });
      const cut = cutAfter(text, { start, from, end: section.end, most });
      const end = trimEnd(text, from, cut);
      if (end > from) chunks.push({ text: text.slice(start, end), start, end, headings: section.headings });
      from = skipSpace(text, cut, section.end);
    }
  }
  return chunks;
}

/** A chunk as it is searched: with the headings it stands under that it does not hold itself. */
export function chunkContent({ text, section }: { readonly text: string; readonly section: string }): string {
  const missing = section === '' ? [] : section.split(headingMark).filter((heading) => !text.includes(heading));
  return missing.length === 0 ? text : `${missing.join(headingMark)}\n${text}`;
}

/** The headings of a chunk in one text. */
export function sectionOf({ headings }: Pick<Chunk, 'headings'>): string {
  return headings.map((heading) => heading.replaceAll(headingMark, ' ')).join(headingMark);
}

const headingMark = ' › ';
const headingLine = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*\r?$/;
const fenceLine = /^ {0,3}(```|~~~)/;
const longestHeading = 200;

/** Parts that begin with a heading; one that is nothing but headings goes with the part after it. */
function sectionsOf(text: string): Section[] {
  const sections: Section[] = [];
  let open: { level: number; heading: string }[] = [];
  let [start, hasBody, fence] = [0, false, ''];
  let at = 0;
  while (at < text.length) {
    const next = text.indexOf('\n', at);
    const end = next === -1 ? text.length : next;
    const line = text.slice(at, end);
    const marks = fenceLine.exec(line)?.[1] ?? '';
    if (marks !== '' && (fence === '' || fence === marks)) fence = fence === '' ? marks : '';
    const found = fence === '' && marks === '' ? headingLine.exec(line) : null;
    if (found) {
      if (hasBody) sections.push({ start, end: at, headings: open.map(({ heading }) => heading) });
      if (hasBody) start = at;
      hasBody = false;
      const level = found[1]?.length ?? 1;
      const heading = (found[2] ?? '').trim().slice(0, longestHeading).toWellFormed();
      open = [...open.filter((one) => one.level < level), ...(heading === '' ? [] : [{ level, heading }])];
    } else if (line.trim() !== '') hasBody = true;
    at = end + 1;
  }
  sections.push({ start, end: text.length, headings: open.map(({ heading }) => heading) });
  return sections;
}

/** Where the piece ends that begins at `start` and holds at most so many bytes; after `from`, so that something is new in it. */
function cutAfter(
  text: string,
  {
    start,
    from,
    end,
    most,
  }: { readonly start: number; readonly from: number; readonly end: number; readonly most: number },
): number {
  let bytes = 0;
  let hard = start;
  while (hard < end) {
    const code = text.codePointAt(hard) ?? 0;
    bytes += bytesOf(code);
    if (bytes > most && hard > from) break;
    hard += code > 0xffff ? 2 : 1;
  }
  if (hard >= end) return end;
  const middle = from + ((hard - from) >> 1);
  // A word that ends just where the space is up need not be cut.
  const window = text.slice(from, hard + 1);
  for (const [pattern, least] of breaks(middle - from)) {
    const cut = lastMatch(window, pattern, least);
    if (cut > 0 && from + cut <= hard) return from + cut;
  }
  return hard;
}

/** Places to cut at, the best first, each with the least piece it is worth. */
function breaks(middle: number): [RegExp, number][] {
  return [
    [/\n[ \t\r]*\n/g, middle],
    [/\n/g, middle],
    [sentenceEnd, middle],
    [/\s/g, 1],
    [unspacedEnd, 1],
  ];
}

const sentenceEnd = /[.!?…]["'”’)\]]*(?=\s)|[。！？]/g;
/** Scripts that write no spaces: each of their characters may be the end of a word. */
const unspacedEnd =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]\p{M}*(?!\p{M})/gu;

/** End of the last match that ends at `least` or later; 0 without. White space is left to the next piece. */
function lastMatch(window: string, pattern: RegExp, least: number): number {
  let last = 0;
  for (const match of window.matchAll(pattern)) {
    const isSpace = /^\s/.test(match[0]);
    const end = isSpace ? match.index : match.index + match[0].length;
    if (end >= least) last = end;
  }
  return last;
}

/** Where a piece begins that repeats the end of the one before: at a sentence, else at a word; at its own beginning when there is none. */
function overlapStart(
  text: string,
  { from, least, overlap }: { readonly from: number; readonly least: number; readonly overlap: number },
): number {
  let bytes = 0;
  let [at, word, sentence] = [from, from, from];
  while (at > least) {
    const before = text.charCodeAt(at - 1);
    const width = before >= 0xdc00 && before <= 0xdfff && at - 1 > least ? 2 : 1;
    bytes += bytesOf(text.codePointAt(at - width) ?? 0);
    if (bytes > overlap) break;
    at -= width;
    if (at === least || !/\s/.test(text[at - 1] ?? '') || /\s/.test(text[at] ?? '')) continue;
    word = at;
    if (/[.!?…]["'”’)\]]*\s+$/.test(text.slice(Math.max(least, at - 8), at))) sentence = at;
  }
  return sentence < from ? sentence : word;
}

function skipSpace(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && /\s/.test(text[at] ?? '')) at += 1;
  return at;
}

function trimEnd(text: string, from: number, end: number): number {
  let at = end;
  while (at > from && /\s/.test(text[at - 1] ?? '')) at -= 1;
  return at;
}

function bytesOf(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}
