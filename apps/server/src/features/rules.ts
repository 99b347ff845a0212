interface Naming {
  readonly name: string
  readonly feature_name_regex: string | null
}

interface Named {
  readonly id: number
  readonly name: string
}

// The first sentence is the one that clients know.
export const whyTaken = (project: Naming, namesake: Named): string[] => [
  'Feature with that name already exists for this project. Note that feature names are case insensitive.',
  `It is “${namesake.name}” (id ${namesake.id}) of the project “${project.name}”.`,
]

interface Ownership {
  readonly name: string
  readonly enforce_feature_owners: boolean
}

export const whyNotOwned = (project: Ownership, owners: number): string | undefined =>
  project.enforce_feature_owners && owners === 0 ? `Every feature of the project “${project.name}” needs an owner.` : undefined

/** What whoever renames a feature must know; undefined when the name stays. */
export const warnOfRename = (before: Pick<Named, 'name'>, after: Pick<Named, 'name'>): { from: string; warning: string } | undefined =>
  before.name === after.name
    ? undefined
    : {
        from: before.name,
        warning: `SDKs ask by name: code that asks for “${before.name}” gets nothing until it asks for “${after.name}”.`,
      }
