/** As much of it as we use; the package brings no types. */
declare module 'autocannon' {
  function autocannon(options: autocannon.Options): autocannon.Run

  namespace autocannon {
    interface Options {
      url: string
      /** How many requests in all. */
      amount: number
      connections: number
      /** Each connection goes around these. */
      requests: readonly Request[]
      /** Milliseconds between two looks at how far it is. */
      sampleInt?: number
    }

    interface Request {
      method: 'GET' | 'POST'
      path: string
      headers: Readonly<Record<string, string>>
      body?: string
    }

    interface Result {
      '2xx': number
    }

    interface Run extends PromiseLike<Result> {
      on(event: 'response', listener: (client: unknown, status: number, bytes: number, milliseconds: number) => void): Run
    }
  }

  export = autocannon
}
