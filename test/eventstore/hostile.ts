function nested(depth: number): unknown {
  let value: unknown = 'core';
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { inner: value };
  return value;
}

/** Values that break stores that are not careful, by name. */
export const hostile: readonly (readonly [string, unknown])[] = [
  ['NUL', 'a\0b'],
  ['a lone high surrogate', 'x\ud800y'],
  ['a lone low surrogate', '\udfff'],
  ['surrogates in the wrong order', '\udc00\ud800'],
  ['right-to-left text with controls', 'שלום \u202Ealif\u202C ‏مرحبا'],
  ['emoji with joiners and flags', '👩‍👩‍👧‍👦 🇩🇪 👍🏽 e\u0301'],
  ['one megabyte', 'ä'.repeat(1 << 20)],
  ['JSON nested 200 deep', nested(200)],
  ['quotes, backslashes and SQL', `'; drop table holdfast.event; -- "\\" $1 $$ %s \\u0000`],
  ['line separators and controls', '\u2028\u2029\u0001\u001f\u007f\u0085\ufeff\r\n\t'],
  ['a noncharacter', '\uffff\ufdd0'],
  ['hostile names of properties', { ['a\0']: 1, '\ud800': 2, __proto__: 3, '': 4 }],
  ['numbers at the edge', [0, -0, 1e308, 5e-324, 9007199254740993, 0.1]],
  ['an array with holes of meaning', [null, [], {}, '', false]],
];
