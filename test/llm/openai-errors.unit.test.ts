import { describe, expect, it } from 'vitest';
import { publicUrl, readRetryAfterMs, redact } from '../../llm/openai-errors.ts';

describe('readRetryAfterMs', () => {
  const now = (): number => Date.parse('2026-11-21T10:00:00Z');

  it.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Sat, 21 Nov 2026 10:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 09:00:00 GMT' }, 0],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{}, undefined],
  ])('reads %j as %s', (headers, expected) => {
    expect(readRetryAfterMs(new Headers(headers as Record<string, string>), now)).toBe(expected);
  });
});

describe('redact', () => {
  const secrets = { apiKey: 'my-key-1234', prompt: ['My diagnosis is a rare condition.', 'Yes!'] };

  it.each([
    ['Incorrect key my-key-1234.', 'Incorrect key [key].'],
    ['Bearer abcdef', 'Bearer [key]'],
    ['Incorrect API key provided: sk-proj-abc***xyz', 'Incorrect API key provided: [key]'],
    ['Refused: "My diagnosis is a rare condition."', 'Refused: "[prompt]"'],
    ['Refused:diagnosis is a rare co', 'Refused:[prompt]'],
    ['Refused: Yes!', 'Refused: [prompt]'],
    ['This model has a context length of 8192 tokens.', 'This model has a context length of 8192 tokens.'],
  ])('turns "%s" into "%s"', (text, clean) => {
    expect(redact(text, secrets)).toBe(clean);
  });
});

describe('publicUrl', () => {
  it('leaves credentials and query out', () => {
    expect(publicUrl('https://me:secret@host:8/v1?key=secret')).toBe('https://host:8/v1');
    expect(publicUrl('nonsense')).toBe('an unreadable base URL');
  });
});
