/** What the user said, as far as a summary in a system message tells it. */
export function summarisedWords(system: string): string[] {
  const at = system.indexOf('# Earlier in this conversation');
  if (at < 0) return [];
  return system
    .slice(at)
    .split('\n')
    .flatMap((line) => (line.startsWith('- user: ') ? [line.slice('- user: '.length)] : []));
}
