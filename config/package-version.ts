import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** Version of this package, from the package.json that is nearest: beside the sources, or above `dist` where it is installed. */
export function packageVersion(): string {
  const file = findPackageJSON(import.meta.url);
  if (file === undefined) throw new Error('Holdfast has no package.json above its code.');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version; // npm requires it
}
