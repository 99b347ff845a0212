import type { EnvironmentSnapshot, SdkEvent } from '@halyard/sdk-api'
import type { Database } from '../runtime/database.ts'

// Seven parameters that differ each; a statement takes 65 535, and a body of 1 MB has no more than about 20 000 events.
const rowsPerStatement = 1000

/** Stores events; all of a batch or, when it fails, none. */
export async function recordEvents(
  control: Database,
  { environmentId }: Pick<EnvironmentSnapshot, 'environmentId'>,
  { events, at }: { readonly events: readonly SdkEvent[]; readonly at: Date },
): Promise<void> {
  const rows = events.map((event) => ({
    environment_id: environmentId,
    event: event.event,
    feature_name: event.featureName,
    identifier: event.identifier,
    value: json(event.value),
    traits: json(event.traits),
    metadata: json(event.metadata),
    at: event.timestamp,
    received_at: at,
  }))
  await control.transaction(async (tx) => {
    for (let start = 0; start < rows.length; start += rowsPerStatement) {
      await tx
        .insertInto('sdk_events')
        .values(rows.slice(start, start + rowsPerStatement))
        .execute()
    }
  })
}

const json = (value: unknown) => (value === null || value === undefined ? null : JSON.stringify(value))
