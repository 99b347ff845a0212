import { elementsMax, invalid, sdkEndpoints, tooMany } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openEnvironment } from './environment-access.ts'
import { bodyOf, parse, refuseTooMany } from './parse-request.ts'
import type { EnvironmentSnapshot, EvaluationCount, SdkApiPorts } from './ports.ts'
import { sendJson } from './reply-headers.ts'
import { labelsOf } from './request-labels.ts'
import { isObject } from './request-text.ts'

export const analyticsRoutes = (ports: SdkApiPorts) => {
  function count(request: FastifyRequest, snapshot: EnvironmentSnapshot, counts: readonly EvaluationCount[]) {
    const known = counts.filter(({ featureName }) => snapshot.compiled.environmentFlag(featureName))
    if (known.length > 0) ports.countEvaluations(snapshot, known, labelsOf(request))
  }

  return {
    async countEvaluations(request: FastifyRequest, reply: FastifyReply) {
      const { snapshot } = await openEnvironment(ports, request)
      count(request, snapshot, readCounts(bodyOf(request)))
      return reply.code(200).send()
    },

    async countDetailedEvaluations(request: FastifyRequest, reply: FastifyReply) {
      const { snapshot } = await openEnvironment(ports, request)
      const body = bodyOf(request)
      if (isObject(body)) refuseTooMany(body['evaluations'], 'evaluations')
      const { evaluations } = parse(sdkEndpoints.countDetailedEvaluations.body, body)
      const counts = evaluations.map((evaluation) => ({
        featureName: evaluation.feature_name,
        count: evaluation.count,
        enabled: evaluation.enabled_when_evaluated,
        identifier: evaluation.identity_identifier ?? undefined,
      }))
      count(request, snapshot, counts)
      return reply.code(204).send()
    },

    telemetry: (request: FastifyRequest, reply: FastifyReply) =>
      sendJson(reply.code(201), JSON.stringify(parse(sdkEndpoints.telemetry.body, bodyOf(request)))),
  }
}

/** SDKs flush what they have; one odd count must not lose the rest, so it is left out. */
function readCounts(body: unknown): EvaluationCount[] {
  if (!isObject(body)) throw invalid({ non_field_errors: ['Invalid data. Expected a dictionary of counts by feature name.'] })
  const counts = Object.entries(body)
  if (counts.length > elementsMax) throw invalid({ non_field_errors: [tooMany(elementsMax)] })
  return counts.flatMap(([featureName, count]) =>
    typeof count === 'number' && Number.isSafeInteger(count) && count > 0
      ? [{ featureName, count, enabled: undefined, identifier: undefined }]
      : [],
  )
}
