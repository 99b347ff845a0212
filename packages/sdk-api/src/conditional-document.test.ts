import { expect, test } from 'vitest'
import { conditionOf } from './conditional-document.ts'

const noon = 'Tue, 01 Aug 2023 12:00:00 GMT'
const asked = { ifModifiedSince: undefined, ifUnmodifiedSince: undefined }
const changedAt = (updatedAt: string, previousUpdatedAt?: string) => ({
  updatedAt: new Date(`2023-08-01T${updatedAt}Z`),
  previousUpdatedAt: previousUpdatedAt === undefined ? undefined : new Date(`2023-08-01T${previousUpdatedAt}Z`),
})

test('an unconditional request is answered in full', () => {
  expect(conditionOf(changedAt('12:00:00.000'), asked)).toBe('send')
})

test('a document of the same second is not sent again', () => {
  expect(conditionOf(changedAt('12:00:00.899', '11:59:59.999'), { ...asked, ifModifiedSince: noon })).toBe('not-modified')
  expect(conditionOf(changedAt('12:00:00.899'), { ...asked, ifModifiedSince: noon })).toBe('not-modified')
})

test('a newer document is sent', () => {
  expect(conditionOf(changedAt('12:00:01.000', '11:00:00.000'), { ...asked, ifModifiedSince: noon })).toBe('send')
})

test('a document that changed twice within its second is sent, for the first of the two may be what the client has', () => {
  expect(conditionOf(changedAt('12:00:00.899', '12:00:00.001'), { ...asked, ifModifiedSince: noon })).toBe('send')
})

test('a client that insists on an older document fails', () => {
  expect(conditionOf(changedAt('12:00:01.000'), { ...asked, ifUnmodifiedSince: noon })).toBe('precondition-failed')
  expect(conditionOf(changedAt('12:00:00.999'), { ...asked, ifUnmodifiedSince: noon })).toBe('send')
})

test('dates that are none are ignored', () => {
  expect(conditionOf(changedAt('12:00:01.000'), { ifModifiedSince: 'noon', ifUnmodifiedSince: 'noon' })).toBe('send')
})
