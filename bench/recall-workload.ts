import type { Command } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';

/** A memory of the recall benchmark. */
export interface BenchMemory {
  readonly id: string;
  readonly user: string;
  readonly text: string;
  /** Unit vector. */
  readonly vector: Float32Array;
}

/** Numbers per vector: as all-MiniLM-L6-v2 gives them. */
export const dimensions = 384;
const topics = 200;
const wordsPerTopic = 60;
const generalWords = 2_000;
const perSession = 20;

/**
 * Memories of a user: sentences of about 20 words, half of them of one of 200 topics, with vectors around the topic's own. The same user
 * and number give the same memories.
 */
export function memoriesOf(user: string, count: number): BenchMemory[] {
  const random = createRandom(hash(user));
  return Array.from({ length: count }, (_, n) => {
    const topic = Math.floor(random() * topics);
    return { id: `${user}-${n}`, user, text: `${sentence(topic, random)} ${user} ${n}`, vector: near(topic, random) };
  });
}

/** Memories of the same kind, without vectors: making those takes longer than all else. */
export function textsOf(user: string, count: number): Omit<BenchMemory, 'vector'>[] {
  const random = createRandom(hash(user));
  return Array.from({ length: count }, (_, n) => {
    const topic = Math.floor(random() * topics);
    return { id: `${user}-${n}`, user, text: `${sentence(topic, random)} ${user} ${n}` };
  });
}

/** A question about one of the topics: six words and a vector. */
export function question(seed: number): { readonly query: string; readonly values: Float32Array } {
  const random = createRandom(seed * 7_919 + 13);
  const topic = Math.floor(random() * topics);
  return { query: sentence(topic, random).split(' ').slice(0, 6).join(' '), values: near(topic, random) };
}

/** Commands that remember them as rounds: sessions of 20 messages, a minute apart. */
export function rememberCommands(
  memories: readonly Omit<BenchMemory, 'vector'>[],
  perCommand = 500,
): Command<MemoryEvent>[] {
  const commands: Command<MemoryEvent>[] = [];
  for (let first = 0; first < memories.length; first += perCommand) {
    const part = memories.slice(first, first + perCommand);
    const stream = `bench/${part[0]?.id ?? ''}`;
    commands.push({
      id: stream,
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: part.map(({ id, user, text }, index) => ({
        type: 'RoundRecorded',
        stream,
        data: {
          thread: `${user}-${Math.floor((first + index) / perSession)}`,
          branch: 'main',
          turn: id,
          round: id,
          scope: { user },
          agent: 'bench',
          message: { speaker: 'user', text },
          reply: null,
          occurredAt: new Date(Date.UTC(2026, 0, 1) + (first + index) * 60_000).toISOString(),
        },
      })),
    });
  }
  return commands;
}

function sentence(topic: number, random: () => number): string {
  return Array.from({ length: 20 }, (_, n) =>
    n % 2 === 0 ? `t${topic}x${zipf(wordsPerTopic, random)}` : `g${zipf(generalWords, random)}`,
  ).join(' ');
}

/** A number below `size`, small ones more often, as words are. */
function zipf(size: number, random: () => number): number {
  return Math.floor(size ** random()) - 1;
}

const centres = new Map<number, Float32Array>();

function near(topic: number, random: () => number): Float32Array {
  let centre = centres.get(topic);
  if (!centre) {
    const own = createRandom(topic + 1);
    centre = unit(Float32Array.from({ length: dimensions }, () => normal(own)));
    centres.set(topic, centre);
  }
  // Cosine of about 0.7 to the topic's centre, so of about 0.5 to each other: as sentences about one thing have it.
  return unit(centre.map((value) => value + normal(random) / Math.sqrt(dimensions)));
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / length);
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function hash(text: string): number {
  let value = 2_166_136_261;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 16_777_619);
  return value >>> 0;
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
