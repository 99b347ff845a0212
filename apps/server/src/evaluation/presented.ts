/** What was made of objects that never change, each together with what else it was made of. */
export class Presented<Source extends object, Document> {
  readonly #made = new WeakMap<Source, { readonly needs: readonly unknown[]; readonly document: Document }>()

  /** As it was made before, when the source and everything that it needs are the very same; else made now. */
  of(source: Source, needs: readonly unknown[], make: () => Document): Document {
    const known = this.#made.get(source)
    if (known?.needs.length === needs.length && needs.every((need, index) => need === known.needs[index])) return known.document
    const document = make()
    this.#made.set(source, { needs, document })
    return document
  }
}
