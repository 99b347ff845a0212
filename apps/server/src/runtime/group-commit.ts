/** What one caller asked for. Settled once; later answers are ignored. */
export interface Request<Item, Answer> {
  readonly item: Item
  readonly settled: boolean
  resolve(answer: Answer): void
  reject(error: unknown): void
}

export interface GroupCommitOptions<Item, Answer> {
  /** How many batches are worked at the same time. */
  readonly lanes: number
  readonly sizeMax: number
  /** A caller waits no longer than this, whether queued or being worked. */
  readonly deadlineMs: number
  /** Settles every request of the batch; what it throws settles those that are left. */
  readonly work: (batch: readonly Request<Item, Answer>[]) => Promise<void>
}

export interface GroupCommit<Item, Answer> {
  submit(item: Item): Promise<Answer>
  /** Resolves when nothing is queued or worked. */
  idle(): Promise<void>
}

/** There was no answer in time; the work may still be done. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded'
}

// More than this waiting means that nothing has been answered for long: the next ones are told at once.
const waitingMax = 20_000

/**
 * Turns many callers into few batches. There is no timer: a request goes at once when a lane is free, and otherwise with all that
 * have gathered when one becomes free. So batches are as large as the database is slow.
 */
export function createGroupCommit<Item, Answer>(options: GroupCommitOptions<Item, Answer>): GroupCommit<Item, Answer> {
  let waiting: Request<Item, Answer>[] = []
  const running = new Set<Promise<void>>()
  let isFlushing = false

  function submit(item: Item): Promise<Answer> {
    if (waiting.length >= waitingMax) return Promise.reject(new DeadlineExceeded(`${waitingMax} others are waiting.`))
    return new Promise((resolve, reject) => {
      waiting.push(createRequest(item, { resolve, reject, deadlineMs: options.deadlineMs }))
      if (isFlushing || running.size >= options.lanes) return
      isFlushing = true
      // Not now, so that what is submitted in one go becomes one batch.
      queueMicrotask(flush)
    })
  }

  function flush(): void {
    isFlushing = false
    while (running.size < options.lanes && waiting.length > 0) {
      const batch = take()
      if (batch.length === 0) continue
      const done: Promise<void> = work(batch).finally(() => {
        running.delete(done)
        flush()
      })
      running.add(done)
    }
  }

  function take(): Request<Item, Answer>[] {
    const batch = waiting.slice(0, options.sizeMax)
    waiting = waiting.slice(options.sizeMax)
    return batch.filter((request) => !request.settled)
  }

  async function work(batch: readonly Request<Item, Answer>[]): Promise<void> {
    try {
      await options.work(batch)
    } catch (error) {
      for (const request of batch) request.reject(error)
    }
  }

  async function idle(): Promise<void> {
    // A flush that is due comes before what follows this.
    await Promise.resolve()
    while (running.size > 0) await Promise.all(running)
  }

  return { submit, idle }
}

interface Caller<Answer> {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
  readonly deadlineMs: number
}

function createRequest<Item, Answer>(item: Item, caller: Caller<Answer>): Request<Item, Answer> {
  let settled = false
  const timer = setTimeout(
    () => settle(() => caller.reject(new DeadlineExceeded(`No answer within ${caller.deadlineMs} ms.`))),
    caller.deadlineMs,
  )
  function settle(tell: () => void): void {
    if (settled) return
    settled = true
    clearTimeout(timer)
    tell()
  }
  return {
    item,
    get settled() {
      return settled
    },
    resolve: (answer) => settle(() => caller.resolve(answer)),
    reject: (error) => settle(() => caller.reject(error)),
  }
}
