import { expect, test, vi } from 'vitest'
import { createGroupCommit, DeadlineExceeded, type Request } from './group-commit.ts'

/** Batches that end when they are told to. */
function openBatches() {
  const batches: { items: number[]; end: () => void }[] = []
  const work = (batch: readonly Request<number, number>[]) =>
    new Promise<void>((resolve) => {
      const end = () => {
        for (const request of batch) request.resolve(request.item * 10)
        resolve()
      }
      batches.push({ items: batch.map(({ item }) => item), end })
    })
  return { batches, work }
}

test('what is submitted in one go is one batch, and what comes while all lanes are busy is the next', async () => {
  const { batches, work } = openBatches()
  const group = createGroupCommit({ lanes: 1, sizeMax: 3, deadlineMs: 10_000, work })
  const answers = [1, 2].map((item) => group.submit(item))
  await Promise.resolve()
  answers.push(...[3, 4, 5, 6].map((item) => group.submit(item)))
  for (let at = 0; at < 3; at += 1) {
    await vi.waitFor(() => expect(batches).toHaveLength(at + 1))
    batches[at]?.end()
  }
  expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50, 60])
  expect(batches.map(({ items }) => items)).toEqual([[1, 2], [3, 4, 5], [6]])
})

test('a free lane takes a request at once', async () => {
  const { batches, work } = openBatches()
  const group = createGroupCommit({ lanes: 2, sizeMax: 10, deadlineMs: 10_000, work })
  const answers = [group.submit(1)]
  await Promise.resolve()
  answers.push(group.submit(2))
  await Promise.resolve()
  expect(batches.map(({ items }) => items)).toEqual([[1], [2]])
  for (const batch of batches) batch.end()
  await Promise.all(answers)
  await group.idle()
})

test('who waited too long is told so and not worked', async () => {
  const { batches, work } = openBatches()
  const group = createGroupCommit({ lanes: 1, sizeMax: 10, deadlineMs: 20, work })
  const answers = [group.submit(1)]
  await Promise.resolve()
  answers.push(group.submit(2))
  for (const answer of await Promise.allSettled(answers))
    expect(answer).toMatchObject({ status: 'rejected', reason: expect.any(DeadlineExceeded) })
  batches[0]?.end()
  await group.idle()
  expect(batches.map(({ items }) => items)).toEqual([[1]])
})

test('what the work throws settles those that it left, and the lane goes on', async () => {
  const group = createGroupCommit<number, number>({
    lanes: 1,
    sizeMax: 2,
    deadlineMs: 10_000,
    work: async ([first]) => {
      first?.resolve(1)
      throw new Error('the rest is lost')
    },
  })
  const settled = await Promise.allSettled([1, 2, 3].map((item) => group.submit(item)))
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
