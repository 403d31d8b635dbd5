/** Keeps the places with the highest scores of those that are offered; of equal ones the lower place. */
export interface Top {
  offer(place: number, score: number): void;
  /** Best first. */
  list(): { readonly place: number; readonly score: number }[];
}

/** Opens a list of at most `size` places. */
export function createTop(size: number): Top {
  // A heap with the worst on top: most of what is offered is turned away by one comparison.
  const places = new Int32Array(size);
  const scores = new Float64Array(size);
  let count = 0;
  const isWorse = (a: number, b: number): boolean => {
    const [x, y] = [scores[a] ?? 0, scores[b] ?? 0];
    return x !== y ? x < y : (places[a] ?? 0) > (places[b] ?? 0);
  };
  const swap = (a: number, b: number): void => {
    const [place, score] = [places[a] ?? 0, scores[a] ?? 0];
    places[a] = places[b] ?? 0;
    scores[a] = scores[b] ?? 0;
    places[b] = place;
    scores[b] = score;
  };
  const sink = (): void => {
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let worst = at;
      if (left < count && isWorse(left, worst)) worst = left;
      if (right < count && isWorse(right, worst)) worst = right;
      if (worst === at) return;
      swap(at, worst);
      at = worst;
    }
  };
  return {
    offer(place, score) {
      if (count < size) {
        places[count] = place;
        scores[count] = score;
        for (let at = count++; at > 0 && isWorse(at, (at - 1) >> 1); at = (at - 1) >> 1) swap(at, (at - 1) >> 1);
        return;
      }
      const least = scores[0] ?? 0;
      if (size === 0 || score < least || (score === least && place > (places[0] ?? 0))) return;
      places[0] = place;
      scores[0] = score;
      sink();
    },
    list() {
      return Array.from({ length: count }, (_, at) => ({ place: places[at] ?? 0, score: scores[at] ?? 0 })).sort(
        (a, b) => b.score - a.score || a.place - b.place,
      );
    },
  };
}
