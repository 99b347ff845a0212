interface Owned {
  readonly is_system_tag: boolean
}

/** System tags say what the platform found out, so people do not write them. */
export const whyNotUpdatable = (tag: Owned): string | undefined => (tag.is_system_tag ? 'Cannot update a system tag.' : undefined)
export const whyNotDeletable = (tag: Owned): string | undefined => (tag.is_system_tag ? 'Cannot delete a system tag.' : undefined)
