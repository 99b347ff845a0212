/** An engine with the scenario loaded, asked in the fastest way it offers. An identity is a place in the scenario's ring. */
export interface Contestant {
  readonly name: string
  /** Which way that is. */
  readonly note: string
  /** Answers are awaited, because the engine's interface is asynchronous. */
  readonly isAwaited: boolean
  /** Every flag of an identity, as the engine answers it. */
  allFlags(identity: number): unknown
  oneFlag(identity: number, flag: string): unknown
  /** The names of the flags that `allFlags` answers as on. */
  namesOn(identity: number): string[] | Promise<string[]>
  /** What `oneFlag` answers, as on or off. */
  isOn(identity: number, flag: string): boolean | Promise<boolean>
}
