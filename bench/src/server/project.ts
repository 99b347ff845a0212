import { createClient } from '@halyard/client'
import { api, type BodyInput, type Resource } from '@halyard/contract'
import { variantNames, type Scenario, type ScenarioCondition, type ScenarioFlag, type Weights } from '../engine/scenario.ts'

/** Makes the scenario through the admin API of a server that lets anybody sign up; answers with the client-side key. */
export async function makeProject(baseUrl: string, { flags, segments }: Scenario): Promise<string> {
  const person = { email: 'bench@example.com', password: 'correct horse battery', first_name: 'Bench', last_name: 'Mark' }
  const { key } = await createClient({ baseUrl }, api.users).create({ body: person })
  const as = <const R extends Resource>(resource: R) => createClient({ baseUrl, authorization: `Token ${key}` }, resource)
  const organisation = await as(api.organisations).create({ body: { name: 'Bench' } })
  const { id: project } = await as(api.projects).create({ body: { name: 'Bench', organisation: organisation.id } })
  const environment = await as(api.environments).create({ body: { name: 'Production', project } })
  const segmentIds = new Map<string, number>()
  for (const { name, all, any } of segments) {
    const rules: Rules = [{ type: 'ALL', rules: [rule('ALL', all), rule('ANY', any)] }]
    segmentIds.set(name, (await as(api.segments).create({ params: { project }, body: { name, rules } })).id)
  }
  for (const flag of flags) {
    const feature = await as(api.features).create({ params: { project }, body: newFeature(flag) })
    if (!flag.override) continue
    const segment = segmentIds.get(flag.override.segment.name) ?? 0
    const weights = feature.multivariate_options.map(({ id }, index) => ({
      multivariate_feature_option: id,
      percentage_allocation: flag.override?.weights?.[index] ?? 0,
    }))
    const body = {
      feature_segment: { segment },
      enabled: true,
      feature_state_value: { string_value: 'control' },
      multivariate_feature_state_values: weights,
    }
    await as(api.featureSegments).createOverride({ params: { environment_key: environment.api_key, feature: feature.id }, body })
  }
  return environment.api_key
}

type Rules = BodyInput<typeof api.segments.create>['rules']

const rule = (type: 'ALL' | 'ANY', conditions: readonly ScenarioCondition[]) => ({
  type,
  conditions: conditions.map(({ trait, operator, value }) => ({
    property: trait,
    operator,
    value: operator === 'IN' ? value.join(',') : value,
  })),
})

const newFeature = ({ name, isOn, weights }: ScenarioFlag) => ({
  name,
  default_enabled: isOn,
  initial_value: 'control',
  multivariate_options: weights === null ? [] : variantsOf(weights),
})

const variantsOf = (weights: Weights) =>
  variantNames.map((name, index) => ({ key: name, string_value: name, default_percentage_allocation: weights[index] ?? 0 }))
