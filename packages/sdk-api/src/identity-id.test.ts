import { expect, test } from 'vitest'
import { identityBucket, identityId } from './identity-id.ts'

// These numbers are in customers' databases. If this test fails, the function is wrong, not the numbers.
test.each([
  [1, 'ada', 1747292045882180, 836],
  [1, '', 258522623680846, 334],
  [2, 'ada', 2597439294084622, 526],
  [12, 'user 1/ü@example.com', 8441450737214193, 753],
  [2 ** 31 - 1, '😀', 7510221274750927, 975],
])('the id of %i:%s never changes', (environmentId, identifier, id, bucket) => {
  expect(identityId(environmentId, identifier)).toBe(id)
  expect(identityBucket(id)).toBe(bucket)
})

test('ids are positive integers that a number holds exactly', () => {
  for (let index = 0; index < 2000; index++) {
    const id = identityId(index, `identity ${index}`)
    expect(Number.isSafeInteger(id) && id > 0).toBe(true)
  }
})

test('identities spread over all buckets', () => {
  const buckets = new Set(Array.from({ length: 20_000 }, (_, index) => identityBucket(identityId(1, String(index)))))
  expect(buckets.size).toBe(1024)
})
