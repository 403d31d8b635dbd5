/** A question with its candidates' features, row by row, and which of them hold the answer. */
export interface Example {
  readonly rows: Float32Array;
  readonly size: number;
  readonly isGold: Uint8Array;
  readonly weight: number;
}

/**
 * Fits a linear score whose softmax over a question's candidates lies on those that hold the answer: gradient descent (Adam) on that
 * cross-entropy, with a small L2. Deterministic.
 */
export function fitSoftmax(
  examples: readonly Example[],
  { features, l2 = 1e-3, steps = 150 }: { readonly features: number; readonly l2?: number; readonly steps?: number },
): Float64Array {
  const weights = new Float64Array(features);
  const [mean, variance] = [new Float64Array(features), new Float64Array(features)];
  const total = examples.reduce((sum, { weight }) => sum + weight, 0);
  for (let step = 1; step <= steps; step++) {
    const gradient = new Float64Array(features);
    for (const example of examples) addGradient(example, weights, gradient);
    const rate = 0.3 * Math.min(1, (steps - step) / (steps * 0.5));
    for (let f = 0; f < features; f++) {
      const g = (gradient[f] ?? 0) / total + l2 * (weights[f] ?? 0);
      mean[f] = 0.9 * (mean[f] ?? 0) + 0.1 * g;
      variance[f] = 0.99 * (variance[f] ?? 0) + 0.01 * g * g;
      const [m, v] = [(mean[f] ?? 0) / (1 - 0.9 ** step), (variance[f] ?? 0) / (1 - 0.99 ** step)];
      weights[f] = (weights[f] ?? 0) - (rate * m) / (Math.sqrt(v) + 1e-8);
    }
  }
  return weights;
}

function addGradient({ rows, size, isGold, weight }: Example, weights: Float64Array, gradient: Float64Array): void {
  const features = weights.length;
  const scores = scoresOf(rows, size, weights);
  const most = scores.reduce((m, s) => Math.max(m, s), -Infinity);
  let sum = 0;
  for (let row = 0; row < size; row++) sum += scores[row] = Math.exp((scores[row] ?? 0) - most);
  const gold = isGold.reduce((n, is) => n + is, 0);
  for (let row = 0; row < size; row++) {
    const error = (scores[row] ?? 0) / sum - (isGold[row] ?? 0) / gold;
    if (Math.abs(error) < 1e-5) continue;
    const start = row * features;
    for (let f = 0; f < features; f++) gradient[f] = (gradient[f] ?? 0) + weight * error * (rows[start + f] ?? 0);
  }
}

/** The linear score of each row. */
export function scoresOf(rows: Float32Array, size: number, weights: Float64Array): Float64Array {
  const scores = new Float64Array(size);
  for (let row = 0; row < size; row++) {
    let sum = 0;
    for (let f = 0; f < weights.length; f++) sum += (weights[f] ?? 0) * (rows[row * weights.length + f] ?? 0);
    scores[row] = sum;
  }
  return scores;
}

/** Fits a logistic regression by Newton's steps with an L2 on all but the constant, which is the last weight. */
export function fitLogistic(
  examples: readonly { readonly values: readonly number[]; readonly is: boolean; readonly weight: number }[],
  l2 = 0.3,
): number[] {
  const size = (examples[0]?.values.length ?? 0) + 1;
  let weights = new Array<number>(size).fill(0);
  for (let step = 0; step < 12; step++) {
    const gradient = new Array<number>(size).fill(0);
    const hessian = Array.from({ length: size }, () => new Array<number>(size).fill(0));
    for (const { values, is, weight } of examples) {
      const row = [...values, 1];
      const p = 1 / (1 + Math.exp(-row.reduce((sum, value, f) => sum + value * (weights[f] ?? 0), 0)));
      row.forEach((value, f) => {
        gradient[f] = (gradient[f] ?? 0) + weight * (p - (is ? 1 : 0)) * value;
        const own = hessian[f] ?? [];
        row.forEach((other, g) => (own[g] = (own[g] ?? 0) + weight * p * (1 - p) * value * other));
      });
    }
    for (let f = 0; f < size; f++) {
      const ridge = f === size - 1 ? 1e-6 : l2;
      gradient[f] = (gradient[f] ?? 0) + ridge * (weights[f] ?? 0);
      const own = hessian[f] ?? [];
      own[f] = (own[f] ?? 0) + ridge;
    }
    const move = solve(hessian, gradient);
    weights = weights.map((value, f) => value - (move[f] ?? 0));
  }
  return weights;
}

/** Gaussian elimination with pivots. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, n) => [...row, right[n] ?? 0]);
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++)
      if (Math.abs(rows[row]?.[column] ?? 0) > Math.abs(rows[pivot]?.[column] ?? 0)) pivot = row;
    const best = rows[pivot] ?? [];
    rows[pivot] = rows[column] ?? [];
    rows[column] = best;
    for (let row = 0; row < size; row++) {
      const own = rows[row] ?? [];
      if (row === column) continue;
      const share = (own[column] ?? 0) / (best[column] ?? 1);
      for (let at = column; at <= size; at++) own[at] = (own[at] ?? 0) - share * (best[at] ?? 0);
    }
  }
  return rows.map((row, n) => (row[size] ?? 0) / (row[n] ?? 1));
}
