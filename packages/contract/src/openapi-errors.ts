import type { Endpoint } from './endpoint.ts'

type Json = Readonly<Record<string, unknown>>

const sayings = {
  400: { description: 'The request is wrong: messages by field, or one for the whole.', example: { name: ['This field is required.'] } },
  401: {
    description: 'Not signed in, or the token or key is not valid any more.',
    example: { detail: 'Authentication credentials were not provided.' },
  },
  403: {
    description: 'Signed in, and not allowed to.',
    example: {
      detail:
        'You do not have the permission CREATE_FEATURE in the project “Shop”. An administrator of the organisation “Acme” can change that.',
    },
  },
  404: { description: 'It is not there, or not for you to see.', example: { detail: 'Not found.' } },
  413: { description: 'The body is too large.', example: { detail: 'The body is larger than 1 MB.' } },
  429: { description: 'Too many attempts; `Retry-After` says when the next will count.', example: { detail: 'Request was throttled.' } },
  503: {
    description: 'The database cannot be reached. Nothing was changed; try again.',
    example: { detail: 'The database cannot be reached.' },
  },
} as const

/** How an operation can fail, by status, with an example of each. */
export function errorsOf(endpoint: Endpoint): Record<string, Json> {
  const isInScope = 'from' in endpoint.scope
  const happens: Record<keyof typeof sayings, boolean> = {
    400: endpoint.body !== undefined || endpoint.query !== undefined,
    401: endpoint.scope.level !== 'public',
    403: endpoint.peopleOnly === true || (isInScope && endpoint.permission !== 'MEMBER'),
    404: isInScope || endpoint.path.includes(':'),
    413: endpoint.body !== undefined,
    429: endpoint.throttled === true,
    503: true,
  }
  const statuses = Object.entries(sayings).filter(([status]) => new Map(Object.entries(happens)).get(status))
  return Object.fromEntries(
    statuses.map(([status, { description, example }]) => [
      status,
      { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' }, example } } },
    ]),
  )
}

const places = { organisation: 'the organisation', project: 'the project', environment: 'the environment' } as const

/** Who may, as a sentence. */
export function permissionOf({ permission, scope, peopleOnly }: Endpoint): string {
  const person = peopleOnly ? ' As a person: API keys are refused.' : ''
  if (scope.level === 'public') return 'Anybody may.'
  if (scope.level === 'actor') return `Whoever is signed in may, for themselves.${person}`
  const place = places[scope.level]
  if (permission === 'MEMBER') return `Members of the organisation may.${person}`
  if (permission === 'ADMIN') return `Administrators of ${place}, or above it, may.${person}`
  return `Needs the permission \`${permission}\` in ${place}.${person}`
}
