import { api, invalid, notFound, Problem, unknownId, type Reply } from '@halyard/contract'
import type { Actor } from '../access/actor.ts'
import { requirePermission } from '../access/authorise.ts'
import type { EnvironmentRow, OrganisationRow, ProjectRow, Queryable } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import type { FlagChange, FlagScope } from '../feature-states/change-flag.ts'
import { findFeature, findSegment } from '../feature-states/queries.ts'
import { changeNow } from '../feature-versions/commands.ts'
import { touchesSegments } from '../feature-versions/rules.ts'
import { implement, type Route } from '../http/implement.ts'
import { deleteOverride, writeFlag } from './commands.ts'
import { getReferred, showFlag } from './queries.ts'
import { placed, type Writing } from './rules.ts'

export const flagUpdateRoutes = (): Route[] => [...updateRoutes(), ...wholeRoutes(), ...manyRoutes()]

const updateRoutes = (): Route[] =>
  implement(api.flagUpdates, {
    updateOne: ({ edit, body, ...at }) => update(edit, at, body),
    updateSeveral: ({ edit, body, ...at }) => update(edit, at, body),
    async deleteOverride({ edit, body, ...at }) {
      const feature = await getReferred(edit.tx, at.project, body.feature)
      await requireFor(edit.tx, at, feature, { withoutSegments: [body.segment.id] })
      if (!(await findSegment(edit.tx, at.project, body.segment.id))) throw invalid({ segment: { id: [unknownId(body.segment.id)] } })
      await deleteOverride(edit, { ...at, feature }, body.segment.id)
    },
  })

const wholeRoutes = (): Route[] =>
  implement(api.wholeFlags, {
    get: async ({ db, ...at }) => showFlag(db, await scopeOf(db, at)),
    update: ({ edit, body, ...at }) => write(edit, at, { parts: body, replaces: false }),
    replace: ({ edit, body, ...at }) => write(edit, at, { parts: body, replaces: true }),
    async deleteOverride({ edit, ...at }) {
      const scope = await scopeOf(edit.tx, at)
      await requireFor(edit.tx, at, scope.feature, { withoutSegments: [at.params.segment] })
      await deleteOverride(edit, scope, at.params.segment)
      return showFlag(edit.tx, scope)
    },
  })

const manyRoutes = (): Route[] =>
  implement(api.manyFlags, {
    async update({ edit, body, ...at }) {
      const done: Reply<typeof api.manyFlags.update> = []
      for (const [index, { feature: reference, remove_segment_overrides: removes, ...parts }] of body.features.entries()) {
        const change = async () => {
          const feature = await getReferred(edit.tx, at.project, reference)
          if (done.some((each) => each.feature.id === feature.id)) throw invalid({ feature: [`“${feature.name}” is listed twice.`] })
          const changed = await writeAllowed(edit, { ...at, feature }, { parts, replaces: false, removes })
          return { feature: { id: feature.id, name: feature.name }, changed }
        }
        done.push(await inPlace('features', index, change))
      }
      return done
    },
  })

async function inPlace<Done>(field: string, index: number, work: () => Promise<Done>): Promise<Done> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof Problem ? placed(error, field, index) : error
  }
}

interface At {
  readonly organisation: OrganisationRow
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
  readonly actor: Actor
}

interface AtFeature extends At {
  readonly params: { readonly feature: number }
}

async function scopeOf(db: Queryable, { project, environment, params }: AtFeature): Promise<FlagScope> {
  const feature = await findFeature(db, project, params.feature)
  if (!feature) throw notFound()
  return { project, environment, feature }
}

/** Asks for what a change needs, which may be held for features with certain tags only. */
async function requireFor(db: Queryable, { actor, ...rows }: At, { id: feature }: { readonly id: number }, change: FlagChange) {
  const need = (permission: 'UPDATE_FEATURE_STATE' | 'MANAGE_SEGMENT_OVERRIDES') =>
    requirePermission(db, actor, rows, { permission, level: 'environment', feature })
  if (change.default) await need('UPDATE_FEATURE_STATE')
  if (touchesSegments(change)) await need('MANAGE_SEGMENT_OVERRIDES')
}

interface Asked {
  readonly feature: Parameters<typeof getReferred>[2]
  readonly change: FlagChange
}

async function update(edit: Edit, at: At, { feature: reference, change }: Asked): Promise<void> {
  const feature = await getReferred(edit.tx, at.project, reference)
  await requireFor(edit.tx, at, feature, change)
  await changeNow(edit, { ...at, feature }, change)
}

async function write(edit: Edit, at: AtFeature, writing: Writing) {
  const scope = await scopeOf(edit.tx, at)
  await writeAllowed(edit, { ...at, ...scope }, writing)
  return showFlag(edit.tx, scope)
}

async function writeAllowed(edit: Edit, at: At & FlagScope, writing: Writing): Promise<boolean> {
  const { parts, removes = [] } = writing
  const touched = parts.segment_overrides ?? (removes.length > 0 ? [] : undefined)
  await requireFor(edit.tx, at, at.feature, { default: parts.environment_default, ...(touched && { withoutSegments: [0] }) })
  return writeFlag(edit, at, writing)
}
