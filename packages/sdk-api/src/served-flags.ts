import type { EnvironmentDocument, Flag } from '@halyard/engine'
import { oncePer } from './once-per.ts'
import type { Audience, EnvironmentSnapshot } from './ports.ts'

interface Visibility {
  readonly hidesDisabled: boolean
  readonly serverOnly: ReadonlySet<number>
}

const visibilityOf = oncePer(({ compiled }: EnvironmentSnapshot): Visibility => {
  const { document } = compiled
  return { hidesDisabled: hidesDisabledFlags(document), serverOnly: new Set(document.project.server_key_only_feature_ids) }
})

/** Disabled flags may be hidden from everybody, and some features from client-side keys: on every surface, in every combination. */
export function isServed(snapshot: EnvironmentSnapshot, audience: Audience): (flag: Flag) => boolean {
  const { hidesDisabled, serverOnly } = visibilityOf(snapshot)
  const hidesServerOnly = audience === 'client' && serverOnly.size > 0
  return (flag) => (flag.enabled || !hidesDisabled) && !(hidesServerOnly && serverOnly.has(flag.feature.id))
}

/** The environment's setting, else the project's. */
export const hidesDisabledFlags = ({ hide_disabled_flags: own, project }: EnvironmentDocument): boolean =>
  own ?? project.hide_disabled_flags
