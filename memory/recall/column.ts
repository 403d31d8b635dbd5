/** Whole numbers in a list that grows, without an object per number. */
export interface Column {
  /** Longer than the list: only the first `size` count. */
  values: Int32Array;
  size: number;
}

/** Opens an empty list. */
export function createColumn(capacity = 16): Column {
  return { values: new Int32Array(capacity), size: 0 };
}

/** Adds a number at the end. */
export function push(column: Column, value: number): void {
  if (column.size === column.values.length) {
    const wider = new Int32Array(Math.ceil(column.size * 1.5) + 2);
    wider.set(column.values);
    column.values = wider;
  }
  column.values[column.size++] = value;
}
