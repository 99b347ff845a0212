import type { Readable } from 'node:stream'
import type { Body, Endpoint, Params, Query } from '@halyard/contract'
import type { Actor, UserActor } from '../access/actor.ts'
import type { EnvironmentRow, OrganisationRow, ProjectRow, Queryable } from '../access/rows.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { Edit, EditLock, Origin } from '../changes/edit.ts'

/** What a handler is given: everything parsed, loaded and allowed. */
export type Input<E extends Endpoint> = {
  readonly params: Params<E['path']>
  readonly query: Query<E>
  readonly body: Body<E>
  /** The address that was asked for, for links to other pages. */
  readonly url: URL
  readonly origin: Origin
  readonly cookie: SessionCookie
} & UploadOf<E> &
  ActorOf<E> &
  RowsOf<E> &
  MeansOf<E>

type UploadOf<E extends Endpoint> = E extends { upload: true } ? { readonly upload: Readable } : unknown

type ActorOf<E extends Endpoint> = E['scope'] extends { level: 'public' }
  ? { readonly actor: Actor | undefined }
  : E extends { peopleOnly: true }
    ? { readonly actor: UserActor }
    : { readonly actor: Actor }

type RowsOf<E extends Endpoint> = E['scope'] extends { level: 'environment' }
  ? { readonly organisation: OrganisationRow; readonly project: ProjectRow; readonly environment: EnvironmentRow }
  : E['scope'] extends { level: 'project' }
    ? { readonly organisation: OrganisationRow; readonly project: ProjectRow }
    : E['scope'] extends { level: 'organisation' }
      ? { readonly organisation: OrganisationRow }
      : unknown

/** Runs one edit and waits until this process serves what it changed. */
export type InEdit = <T>(work: (edit: Edit) => Promise<T>, lock?: EditLock) => Promise<T>

type MeansOf<E extends Endpoint> = E extends { method: 'GET' } | { reads: true }
  ? { readonly db: Queryable }
  : E extends { edits: 'own' }
    ? { readonly db: Queryable; readonly inEdit: InEdit }
    : { readonly edit: Edit }
