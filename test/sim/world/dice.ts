import { seededRandom } from "../../../dev/backend/engine/interleaving.js";

/** All chance in a run, from seeds. */
export class Dice {
  #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  /**
   * Begins another sequence. Each step of a schedule has its own, so that leaving one step out
   * changes little about the others.
   */
  reseed(seed: number, step: number) {
    this.#next = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(step + 1, 0x85ebca6b));
  }

  /** From 0 to 1. */
  random = (): number => this.#next();

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  between(min: number, max: number): number {
    return min + this.random() * (max - min);
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  /** One of the names, as often as its weight says. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
    const entries = Object.entries(weights) as [T, number][];
    let rest = this.random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) if ((rest -= weight) < 0) return name;
    return entries.at(-1)![0];
  }
}
