import { api, invalid, notFound, Problem, unknownId, type Reply } from '@halyard/contract'
import type { Actor } from '../access/actor.ts'
import { requirePermission } from '../access/authorise.ts'
import type { EnvironmentRow, OrganisationRow, ProjectRow, Queryable } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import type { FlagChange, FlagScope } from '../feature-states/change-flag.ts'
import { findFeature, listReservedOverrides, readFlag, type Flag, type PlaceRow } from '../feature-states/queries.ts'
import { presentState, presentTypedValue, type FeatureStateRow, type StatePatch } from '../feature-states/rules.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import {
  changeDraft,
  createAndPublish,
  deleteVersion,
  draftVersion,
  publishVersion,
  restoreVersion,
  setVersioning,
  updateVersion,
} from './commands.ts'
import { findPrevious, getVersion, pageScheduled, pageVersions, readFlagAt } from './queries.ts'
import { contentAfter, contentOf, differences, initialValue, presentVersion, rowsAfter, touchesSegments, type VersionRow } from './rules.ts'

export const featureVersionRoutes = (): Route[] => [...versionRoutes(), ...stateRoutes(), ...scheduleRoutes(), ...versioningRoutes()]

const versionRoutes = (): Route[] =>
  implement(api.featureVersions, {
    async list({ db, query, url, ...at }) {
      const scope = await scopeOf(db, at)
      const { rows, count } = await pageVersions(db, scope, { ...slice(query), isLive: query.is_live })
      return pageOf(url, query, { count, results: rows.map(presentVersion) })
    },
    async create({ edit, body, ...at }) {
      const scope = await scopeOf(edit.tx, at)
      const change = changeOf(body)
      await requireFor(edit, at, change)
      const wanted = { change, comment: body.description ?? null, liveFrom: body.live_from ?? undefined }
      const version = body.publish_immediately
        ? await createAndPublish(edit, scope, { ...wanted, ignoreConflicts: body.ignore_conflicts })
        : await draftVersion(edit, scope, wanted)
      return presentInFull(edit.tx, scope, version)
    },
    async get({ db, ...at }) {
      const scope = await scopeOf(db, at)
      return presentInFull(db, scope, await getVersion(db, scope, at.params.uuid))
    },
    async getByUuid({ db, project, environment, params }) {
      const row = await db.selectFrom('feature_versions').select('feature_id').where('uuid', '=', params.uuid).executeTakeFirst()
      const feature = row && (await findFeature(db, project, row.feature_id))
      if (!feature) throw notFound()
      const scope = { project, environment, feature }
      return presentInFull(db, scope, await getVersion(db, scope, params.uuid))
    },
    async update({ edit, body, ...at }) {
      const { scope, version } = await versionOf(edit, at)
      const patch = { liveFrom: body.live_from, comment: body.description, ignoreConflicts: body.ignore_conflicts }
      return presentInFull(edit.tx, scope, await updateVersion(edit, scope, version, patch))
    },
    async delete({ edit, ...at }) {
      const { scope, version } = await versionOf(edit, at)
      await deleteVersion(edit, scope, version)
    },
    async publish({ edit, body, ...at }) {
      const { scope, version } = await versionOf(edit, at)
      const wanted = { liveFrom: body.live_from ?? undefined, ignoreConflicts: body.ignore_conflicts }
      return presentInFull(edit.tx, scope, await publishVersion(edit, scope, version, wanted))
    },
    async restore({ edit, body, ...at }) {
      const scope = await scopeOf(edit.tx, at)
      await requireFor(edit, at, { withoutSegments: [0] })
      return presentInFull(edit.tx, scope, await restoreVersion(edit, scope, at.params.uuid, body.description ?? null))
    },
    async diff({ db, query, ...at }) {
      const scope = await scopeOf(db, at)
      const version = await getVersion(db, scope, at.params.uuid)
      const other = query.against === undefined ? await findPrevious(db, scope, version) : await getAgainst(db, scope, query.against)
      const after = contentOf(await flagOf(db, scope, version))
      return differences(other ? contentOf(await flagOf(db, scope, other)) : after, after)
    },
  })

const scheduleRoutes = (): Route[] =>
  implement(api.scheduledChanges, {
    async list({ db, environment, query, url }) {
      const { rows, count } = await pageScheduled(db, environment, { ...slice(query), feature: query.feature })
      return pageOf(url, query, { count, results: rows.map(presentVersion) })
    },
    async create({ edit, body, ...at }) {
      const scope = await scopeOf(edit.tx, at)
      if (body.live_from <= edit.at) throw invalid({ live_from: ['This is in the past. What is to be now is changed, not scheduled.'] })
      const change = { default: body.environment_default, segments: body.segment_overrides, withoutSegments: body.remove_segment_overrides }
      await requireFor(edit, at, change)
      const wanted = { change, comment: body.description ?? null, liveFrom: body.live_from, ignoreConflicts: body.ignore_conflicts }
      return presentInFull(edit.tx, scope, await createAndPublish(edit, scope, wanted))
    },
  })

const versioningRoutes = (): Route[] =>
  implement(api.versioning, {
    enable: ({ edit, environment }) => setVersioning(edit, environment, true),
    disable: ({ edit, environment }) => setVersioning(edit, environment, false),
  })

const stateRoutes = (): Route[] =>
  implement(api.versionStates, {
    async list({ db, ...at }) {
      const scope = await scopeOf(db, at)
      const version = await getVersion(db, scope, at.params.uuid)
      return presentStates(await flagOf(db, scope, version), version)
    },
    async create({ edit, body, ...at }) {
      await requireFor(edit, at, { segments: [body] })
      const { scope, version } = await versionOf(edit, at)
      const flag = await flagOf(edit.tx, scope, version)
      if (flag.places.some((place) => place.segment_id === body.segmentId))
        throw invalid({ feature_segment: { segment: ['The version overrides the feature for this segment already.'] } })
      return presentOne(edit.tx, scope, await changeDraft(edit, scope, version, { segments: [body] }), body.segmentId)
    },
    update: (input) => changeState(input),
    replace: (input) => changeState(input),
    async delete({ edit, ...at }) {
      const { scope, version } = await versionOf(edit, at)
      const { segment_id: segmentId } = await stateOf(edit.tx, scope, version, at.params.feature_state)
      if (segmentId === null) throw new Problem('invalid', 'What the environment says cannot be removed, only changed.')
      await requireFor(edit, at, { withoutSegments: [segmentId] })
      await changeDraft(edit, scope, version, { withoutSegments: [segmentId] })
    },
  })

interface At {
  readonly organisation: OrganisationRow
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
  readonly actor: Actor
  readonly params: { readonly feature: number }
}

interface AtVersion extends At {
  readonly params: { readonly feature: number; readonly uuid: string }
}

async function scopeOf(db: Queryable, { project, environment, params }: Omit<At, 'actor'>): Promise<FlagScope> {
  const feature = await findFeature(db, project, params.feature)
  if (!feature) throw notFound()
  return { project, environment, feature }
}

/** The version that is to be changed, by somebody who may change all that it does. */
async function versionOf(edit: Edit, at: AtVersion): Promise<{ scope: FlagScope; version: VersionRow }> {
  const scope = await scopeOf(edit.tx, at)
  const version = await getVersion(edit.tx, scope, at.params.uuid)
  await requireFor(edit, at, version.draft ?? {})
  return { scope, version }
}

/** Asks for the permissions to do all that a change does, which may be held for features with certain tags only. */
async function requireFor(edit: Edit, { actor, params, ...rows }: At, change: FlagChange): Promise<void> {
  const { feature } = params
  await requirePermission(edit.tx, actor, rows, { permission: 'UPDATE_FEATURE_STATE', level: 'environment', feature })
  if (touchesSegments(change))
    await requirePermission(edit.tx, actor, rows, { permission: 'MANAGE_SEGMENT_OVERRIDES', level: 'environment', feature })
}

interface Written {
  readonly feature_states_to_create: NonNullable<FlagChange['segments']>
  readonly feature_states_to_update: readonly { segmentId: number | undefined; priority: number | undefined; content: StatePatch }[]
  readonly segment_ids_to_delete_overrides: readonly number[]
}

function changeOf(body: Written): FlagChange {
  const updated = body.feature_states_to_update.flatMap(({ segmentId, ...rest }) =>
    segmentId === undefined ? [] : [{ segmentId, ...rest }],
  )
  const defaults = body.feature_states_to_update.filter(({ segmentId }) => segmentId === undefined)
  if (defaults.length > 1) throw invalid({ feature_states_to_update: ['The environment’s default is listed twice.'] })
  return {
    default: defaults[0]?.content,
    segments: [...body.feature_states_to_create, ...updated],
    withoutSegments: body.segment_ids_to_delete_overrides,
  }
}

async function getAgainst(db: Queryable, scope: FlagScope, uuid: string): Promise<VersionRow> {
  return getVersion(db, scope, uuid).catch(() => {
    throw invalid({ against: [unknownId(uuid)] })
  })
}

/** What the feature is once a version is live. */
async function flagOf(db: Queryable, scope: FlagScope, { draft, live_from: liveFrom }: VersionRow): Promise<Flag> {
  if (!draft && liveFrom) return readFlagAt(db, scope, liveFrom)
  const flag = await readFlag(db, scope)
  const content = contentAfter(contentOf(flag), draft ?? {}, initialValue(scope))
  const reserved = await listReservedOverrides(db, scope)
  return rowsAfter({
    flag: { default: flag.default, places: [...flag.places, ...reserved.places], states: [...flag.states, ...reserved.states] },
    content,
  })
}

async function stateOf(db: Queryable, scope: FlagScope, version: VersionRow, id: number): Promise<FeatureStateRow> {
  const flag = await flagOf(db, scope, version)
  const state = [flag.default, ...flag.states].find((each) => each.id === id)
  if (!state) throw notFound()
  return state
}

interface StateChange extends AtVersion {
  readonly edit: Edit
  readonly body: StatePatch
  readonly params: { readonly feature: number; readonly uuid: string; readonly feature_state: number }
}

async function changeState({ edit, body, ...at }: StateChange) {
  const { scope, version } = await versionOf(edit, at)
  const { segment_id: segmentId } = await stateOf(edit.tx, scope, version, at.params.feature_state)
  const change = segmentId === null ? { default: body } : { segments: [{ segmentId, content: body }] }
  await requireFor(edit, at, change)
  return presentOne(edit.tx, scope, await changeDraft(edit, scope, version, change), segmentId)
}

async function presentOne(db: Queryable, scope: FlagScope, version: VersionRow, segmentId: number | null) {
  const states = presentStates(await flagOf(db, scope, version), version)
  const state = states.find(({ feature_segment: place }) => (place?.segment ?? null) === segmentId)
  if (!state) throw new Error(`Version ${version.uuid} has no state for segment ${segmentId}.`)
  return state
}

function presentStates(flag: Flag, { uuid }: VersionRow) {
  const present = (state: FeatureStateRow, place: PlaceRow | null): Reply<typeof api.versionStates.list>[number] => ({
    ...presentState(state, uuid),
    feature_state_value: presentTypedValue(state.value),
    identity: null,
    feature_segment: place && { id: place.id, segment: place.segment_id, priority: place.priority, uuid: place.uuid },
  })
  const overrides = flag.places.flatMap((place) =>
    flag.states.filter((state) => state.segment_id === place.segment_id).map((state) => present(state, place)),
  )
  return [present(flag.default, null), ...overrides]
}

async function presentInFull(db: Queryable, scope: FlagScope, version: VersionRow): Promise<Reply<typeof api.featureVersions.get>> {
  const previous = await findPrevious(db, scope, version)
  return { ...presentVersion(version), previous_version_uuid: previous?.uuid ?? null }
}
