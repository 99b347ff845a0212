import * as z from 'zod'

export const pageSizeMax = 999

/** `?page=2&page_size=50`. Upstream ignores page_size on some lists; here it counts everywhere. */
export const pageQuery = (pageSizeDefault: number) =>
  z.object({
    page: z.coerce.number().int().min(1).default(1),
    page_size: z.coerce
      .number()
      .int()
      .min(1)
      .transform((size) => Math.min(size, pageSizeMax))
      .default(pageSizeDefault),
  })

/** A page of a list with absolute links to its neighbours. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ count: z.number().int(), next: z.string().nullable(), previous: z.string().nullable(), results: z.array(item) })

export interface Page<Item> {
  count: number
  next: string | null
  previous: string | null
  results: Item[]
}
