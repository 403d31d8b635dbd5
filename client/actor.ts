/** True for the name of somebody who decides or cancels: 1 to 200 plain characters. */
export function isActor(actor: string): boolean {
  return actor.trim() !== '' && actor.length <= 200 && actor.isWellFormed() && !actor.includes('\0');
}
