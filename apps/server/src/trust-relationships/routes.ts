import { api, invalid, notFound, type Reply } from '@halyard/contract'
import { sealBearer, bearerSeconds } from '../access/bearer.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createTrustRelationship, deleteTrustRelationship, recordExchange, updateTrustRelationship } from './commands.ts'
import { findTrustRelationship, listTrustRelationships, type TrustRelationship } from './queries.ts'
import { createTokenVerifier } from './verify-token.ts'

export function trustRelationshipRoutes(runtime: Runtime): Route[] {
  const { config, now, outbound } = runtime
  const verify = createTokenVerifier(runtime)

  function checkIssuer(issuer: string | undefined): void {
    if (issuer === undefined) return
    const reason = outbound.whyNotCallable(issuer)
    if (reason) throw invalid({ issuer: [reason] })
    // What is read there decides who is let in, so nobody between may change it; addresses that the operator named are theirs.
    const { protocol, hostname } = new URL(issuer)
    if (protocol !== 'https:' && !config.outbound.allow.includes(hostname))
      throw invalid({ issuer: ['The issuer must be an https address.'] })
  }

  return implement(api.trustRelationships, {
    async list({ db, organisation, query, url }) {
      const { rows, count } = await listTrustRelationships(db, organisation, slice(query))
      return pageOf(url, query, { count, results: rows.map(present) })
    },
    async create({ edit, organisation, body }) {
      checkIssuer(body.issuer)
      return present(await createTrustRelationship(edit, organisation, body))
    },
    async get({ db, organisation, params }) {
      const found = await findTrustRelationship(db, organisation, params.trust_relationship)
      if (!found) throw notFound()
      return present(found)
    },
    async update({ edit, organisation, params, body }) {
      checkIssuer(body.issuer)
      return present(await updateTrustRelationship(edit, organisation, { ...body, id: params.trust_relationship }))
    },
    async replace({ edit, organisation, params, body }) {
      checkIssuer(body.issuer)
      return present(await updateTrustRelationship(edit, organisation, { ...body, id: params.trust_relationship }))
    },
    delete: ({ edit, organisation, params }) => deleteTrustRelationship(edit, organisation, params.trust_relationship),
    async exchange({ db, body, inEdit }) {
      const { relationship, claims } = await verify(db, body.token)
      const actor = {
        kind: 'api_key' as const,
        id: relationship.master_api_key_id,
        name: relationship.name,
        organisationId: relationship.organisation_id,
        isAdmin: relationship.is_admin,
      }
      await inEdit((edit) => recordExchange({ ...edit, actor }, relationship, { sub: claims.sub ?? null }))
      return {
        access_token: sealBearer(config, relationship.master_api_key_id, now()),
        token_type: 'Bearer' as const,
        expires_in: bearerSeconds,
      }
    },
  })
}

const present = (row: TrustRelationship): Reply<typeof api.trustRelationships.get> => ({
  id: row.id,
  name: row.name,
  issuer: row.issuer,
  audience: row.audience,
  claim_rules: row.claim_rules.map(({ claim, values }) => ({ claim, values: [...values] })),
  is_admin: row.is_admin,
  created_at: row.created_at.toISOString(),
})
