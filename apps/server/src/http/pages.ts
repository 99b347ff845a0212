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

function linkTo(url: URL, page: number): string {
  const link = new URL(url)
  link.searchParams.set('page', String(page))
  return link.href
}
