export interface RecentlyUsedOptions<Value> {
  readonly entriesMax: number
  /** In the unit of `sizeOf`, because entries may differ a thousandfold. */
  readonly sizeMax: number
  readonly sizeOf: (key: string, value: Value) => number
}

/** A map that forgets what was not used for longest, by count and by size. */
export class RecentlyUsed<Value> {
  readonly #entries = new Map<string, Value>()
  readonly #options: RecentlyUsedOptions<Value>
  #size = 0

  constructor(options: RecentlyUsedOptions<Value>) {
    this.#options = options
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: string, value: Value): void {
    this.delete(key)
    this.#entries.set(key, value)
    this.#size += this.#options.sizeOf(key, value)
    const { entriesMax, sizeMax } = this.#options
    // A map is in the order of insertion, so the first is the oldest.
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= entriesMax && this.#size <= sizeMax) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const value = this.#entries.get(key)
    if (value === undefined) return
    this.#entries.delete(key)
    this.#size -= this.#options.sizeOf(key, value)
  }
}
