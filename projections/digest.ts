import { createHash } from 'node:crypto';

/** SHA-256 of a text in hexadecimal: the digest of contents, arguments and prompts. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A name of 24 digits for a list of parts. Names are public for ever, and what they are made of may not be: it cannot be read from them. */
export function nameOf(parts: readonly unknown[]): string {
  return sha256(JSON.stringify(parts)).slice(0, 24);
}
