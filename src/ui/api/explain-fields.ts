/** What is told of why something waits (docs/explain.md). Pure. */
import { Limit, type ClosestFitT, type ExplanationT } from '../../schema/magneto.js'
import type { Explained } from '../explain.js'
import {
  amounts,
  flag,
  itemOf,
  itemSchema,
  state,
  text,
  textOrNull,
  texts,
  whole,
  wholeOrNull,
  type Field,
  type Fields,
} from './field.js'
import type { ClosestItem, ExplainAnswer, ExplanationItem } from './shapes.js'

const closestFields: Fields<ClosestFitT, ClosestItem> = {
  workerId: text('Its id.', ({ workerId }) => workerId),
  coresMissing: whole('Now.', ({ coresMissing }) => coresMissing),
  memoryMissingMb: whole('Now, in MiB.', ({ memoryMissingMb }) => memoryMissingMb),
  resourcesMissing: amounts('Now.', ({ resourcesMissing }) => resourcesMissing),
  fitsWhenIdle: flag('Once what runs there has ended.', ({ fitsWhenIdle }) => fitsWhenIdle),
}

/** Table Explanation of schemas/view.fbs, field by field. */
export const explanationFields: Fields<ExplanationT, ExplanationItem> = {
  profileId: whole('Resource profile; 0: the default one.', ({ profileId }) => profileId),
  cores: whole('That one executor, or the driver, takes.', ({ cores }) => cores),
  memoryMb: whole('That it takes, in MiB.', ({ memoryMb }) => memoryMb),
  resources: amounts('That it takes.', ({ resources }) => resources),
  runtimes: texts('Any of which it needs; none: it needs none.', ({ runtimes }) => runtimes),
  wanted: wholeOrNull(
    'Executors that it still asks for; null: as many as fit.',
    ({ wanted }) => wanted,
  ),
  limit: state('What keeps it from starting even if a worker fits.', Limit, ({ limit }) => limit),
  workers: whole('How many were looked at.', ({ workers }) => workers),
  ruledOutByState: whole('Of these.', ({ ruledOutByState }) => ruledOutByState),
  ruledOutByRuntime: whole('Of the rest.', ({ ruledOutByRuntime }) => ruledOutByRuntime),
  ruledOutByCores: whole('Of the rest.', ({ ruledOutByCores }) => ruledOutByCores),
  ruledOutByMemory: whole('Of the rest.', ({ ruledOutByMemory }) => ruledOutByMemory),
  ruledOutByResources: whole('Of the rest.', ({ ruledOutByResources }) => ruledOutByResources),
  fitting: whole('What is left: these fit now.', ({ fitting }) => fitting),
  fittingWhenIdle: whole(
    'Ruled out by cores, memory or resources; would fit if nothing ran there.',
    ({ fittingWhenIdle }) => fittingWhenIdle,
  ),
  closest: {
    schema: {
      anyOf: [itemSchema(closestFields), { type: 'null' }],
      description: 'The worker with its runtime that lacks least; null: there is none.',
    },
    of: ({ closest }, moment) => (closest === null ? null : itemOf(closestFields, closest, moment)),
  },
  reason: text('Why it waits.', ({ reason }) => reason),
  advice: text('What would let it start.', ({ advice }) => advice),
  unhealthy: whole('Ruled out by their state: alive and unhealthy.', ({ unhealthy }) => unhealthy),
}

const explanations: Field<Explained, readonly ExplanationItem[]> = {
  schema: {
    type: 'array',
    items: { $ref: '#/components/schemas/Explanation' },
    description: 'One for each resource profile that waits; none: nothing waits.',
  },
  of: ({ explanations: all }, moment) => all.map((one) => itemOf(explanationFields, one, moment)),
}

const common = {
  id: text('As it was asked for.', ({ id }: Explained) => id),
  state: text('Of the application or driver.', ({ state: name }: Explained) => name),
  waiting: flag('Something waits.', ({ explanations: all }: Explained) => all.length > 0),
}

export const applicationExplainFields: Fields<Explained, Omit<ExplainAnswer, 'exception'>> = {
  ...common,
  explanations,
}

export const driverExplainFields: Fields<Explained, Required<ExplainAnswer>> = {
  ...common,
  exception: textOrNull('How it failed.', ({ exception }) => exception),
  explanations,
}
