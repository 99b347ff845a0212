import type { Page } from '@halyard/contract'
import { notFound } from '@halyard/contract'

interface Asked {
  readonly page: number
  readonly page_size: number
}

/** Where a page begins and how much of it to read. */
export const slice = ({ page, page_size: size }: Asked) => ({ offset: (page - 1) * size, limit: size })

/** A page of `count` results in all, with links to its neighbours; a page past the end is 404, as upstream. */
export function pageOf<Item>(url: URL, asked: Asked, found: { count: number; results: Item[] }): Page<Item> {
  const last = Math.max(1, Math.ceil(found.count / asked.page_size))
  if (asked.page > last) throw notFound('Invalid page.')
  return {
    count: found.count,
    next: asked.page < last ? linkTo(url, asked.page + 1) : null,
    previous: asked.page > 1 ? linkTo(url, asked.page - 1) : null,
    results: found.results,
  }
}

/**
 * A page of a list that is too long to be counted or skipped through: `next` says where the results went on (`before`). The count
 * is exact below `countMax`.
 */
export function continuedPage<Item extends { id: number }>(
  url: URL,
  asked: Asked & { readonly before?: number | undefined },
  found: { count: number; countMax: number; results: Item[] },
): Page<Item> {
  const { count, countMax, results } = found
  const isPast = asked.page > Math.max(1, Math.ceil(count / asked.page_size))
  if (isPast && count < countMax && asked.before === undefined) throw notFound('Invalid page.')
  const last = results.at(-1)
  const hasMore = last !== undefined && results.length === asked.page_size && (count === countMax || asked.page * asked.page_size < count)
  return {
    count,
    next: hasMore ? linkTo(url, asked.page + 1, last.id) : null,
    previous: asked.page > 1 ? linkTo(url, asked.page - 1) : null,
    results,
  }
}

function linkTo(url: URL, page: number, before?: number): string {
  const link = new URL(url)
  link.searchParams.set('page', String(page))
  if (before === undefined) link.searchParams.delete('before')
  else link.searchParams.set('before', String(before))
  return link.href
}
