/**
 * What REST v1 answers, one entry for each path: the router (routes.ts) and the description (openapi.ts) read this
 * table alone.
 */
import { explainJson, explainText, findExplained, type Explained } from '../explain.js'
import type { ClusterModel } from '../model/cluster-model.js'
import { eventsMax } from '../model/events.js'
import { findRow } from '../model/find-row.js'
import { intervalsMs, samplesMax, type Interval } from '../model/history.js'
import type { Row } from '../model/table.js'
import { eventKinds } from '../model/transitions.js'
import type { RouteContext } from '../route-context.js'
import { BadQuery, limitDefault, limitMax, searchLengthMax, whole } from '../table-query.js'
import { clusterFields } from './cluster-fields.js'
import {
  applicationExplainFields,
  driverExplainFields,
  explanationFields,
} from './explain-fields.js'
import {
  itemOf,
  itemSchema,
  momentOf,
  object,
  timeless,
  wholeSchema,
  type Schema,
} from './field.js'
import { listed, listedSchema, type Parameter } from './filter.js'
import { listAnswer, listParameters, listSchema, type List } from './list.js'
import { applicationList, driverList, executorList, workerList } from './lists.js'
import { eventFields, sampleFields } from './past-fields.js'
import type { EventsAnswer, HistoryAnswer } from './shapes.js'

export interface Asked {
  /** What stands for {id} in the path; '' where there is none. */
  readonly id: string
  /** Each is known, and there once. */
  readonly parameters: URLSearchParams
}

/** Plain data for JSON; and the same for terminals, where there is such a form. */
export interface Found {
  readonly data: object
  readonly text?: string
}

export interface Operation {
  readonly name: string
  /** Below /api/v1; {id} may stand in it. */
  readonly path: string
  readonly summary: string
  readonly parameters: readonly Parameter[]
  readonly answer: Schema
  /** It has a form for terminals. */
  readonly inText?: boolean
  /** It waits for the master, and can wait in vain. */
  readonly waits: boolean
  /** @returns null: there is nothing with that id @throws BadQuery, ViewUnavailable */
  readonly run: (context: RouteContext, asked: Asked) => Promise<Found | null> | Found | null
}

/** Named by $ref. */
export const namedSchemas = {
  Worker: itemSchema(workerList.fields),
  Application: itemSchema(applicationList.fields),
  Executor: itemSchema(executorList.fields),
  Driver: itemSchema(driverList.fields),
  Explanation: itemSchema(explanationFields),
  Event: itemSchema(eventFields),
  Sample: itemSchema(sampleFields),
  Cluster: itemSchema(clusterFields),
  Error: object({
    error: { type: 'string', description: 'What was wrong, and what was expected.' },
  }),
} as const satisfies Record<string, Schema>

export type SchemaName = keyof typeof namedSchemas

export function named(name: SchemaName): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

function listOperation<R extends Row, Item>(list: List<R, Item>): Operation {
  return {
    name: list.name,
    path: `/${list.name}`,
    summary: list.summary,
    parameters: listParameters(list),
    answer: listSchema(named(list.item)),
    waits: true,
    run: async ({ cluster }, { parameters }) => ({
      data: listAnswer(list, await cluster.current(), parameters),
    }),
  }
}

function itemOperation<R extends Row, Item extends object>(
  { name, item, fields }: List<R, Item>,
  find: (model: ClusterModel, id: string) => R | null,
): Operation {
  const one = item.toLowerCase()
  return {
    name: one,
    path: `/${name}/{id}`,
    summary: `The ${one} with this id`,
    parameters: [],
    answer: named(item),
    waits: true,
    run: async ({ cluster }, { id }) => {
      const found = await findRow(cluster, (model) => find(model, id))
      if (found === null) return null
      return { data: itemOf(fields, found.row, momentOf(found.model)) }
    },
  }
}

function explainOperation(kind: Explained['kind'], answer: Schema): Operation {
  return {
    name: `${kind}Explain`,
    path: `/${kind}s/{id}/explain`,
    summary: `Why the ${kind} waits: docs/explain.md`,
    parameters: [],
    answer,
    inText: true,
    waits: true,
    run: async ({ cluster }, { id }) => {
      const found = await findExplained(cluster, kind, id)
      return found === null ? null : { data: explainJson(found), text: explainText(found) }
    },
  }
}

const clusterOperation: Operation = {
  name: 'cluster',
  path: '/cluster',
  summary: 'The cluster as a whole',
  parameters: [],
  answer: named('Cluster'),
  waits: true,
  run: async ({ cluster, restUrl = null }) => {
    const model = await cluster.current()
    const { answeredInMs } = cluster
    return { data: itemOf(clusterFields, { model, restUrl, answeredInMs }, momentOf(model)) }
  },
}

const afterMax = Number.MAX_SAFE_INTEGER
const subjects = [...new Set(eventKinds.map((kind) => subjectOf(kind)))]
const kindsAsked: readonly string[] = [...subjects, ...eventKinds]

/** `worker` of `worker-lost`. */
function subjectOf(kind: string): string {
  return kind.slice(0, kind.indexOf('-'))
}

const eventsOperation: Operation = {
  name: 'events',
  path: '/events',
  summary:
    'What happened, oldest first: changes of the cluster as this master saw them, once a second and whenever somebody ' +
    'reads; what came and went in between is not in it, and what there was when it began is not either',
  parameters: [
    {
      name: 'after',
      description:
        'Only those with a larger sequence, from the oldest on: `next` of the answer before. Without it the newest.',
      schema: wholeSchema,
    },
    {
      name: 'kind',
      description: 'Only those of one of these kinds, or about one of these.',
      schema: listedSchema(kindsAsked),
    },
    {
      name: 'q',
      description: 'Only those with this text in what they say; case does not count.',
      schema: { type: 'string', maxLength: searchLengthMax },
    },
    {
      name: 'limit',
      description: 'How many of them to answer.',
      schema: { type: 'integer', minimum: 1, maximum: limitMax, default: limitDefault },
    },
  ],
  answer: object({
    items: { type: 'array', items: named('Event'), maxItems: limitMax },
    next: { ...wholeSchema, description: 'What to ask for as `after` the next time.' },
    dropped: {
      ...wholeSchema,
      description: `How many of those after \`after\` are not kept any more: the last ${eventsMax} are.`,
    },
  }),
  waits: false,
  run: ({ events }, { parameters }) => {
    const get = (name: string) => parameters.get(name) ?? ''
    const after = get('after') === '' ? null : whole('after', get('after'), [0, afterMax])
    const limit = get('limit') === '' ? limitDefault : whole('limit', get('limit'), [1, limitMax])
    const kinds = get('kind') === '' ? null : new Set(listed('kind', get('kind'), kindsAsked))
    const search = searched(get('q'))
    const page = events.page({
      after,
      limit,
      keeps: ({ kind, text }) =>
        (kinds === null || kinds.has(kind) || kinds.has(subjectOf(kind))) &&
        text.toLowerCase().includes(search),
    })
    const items = page.items.map((event) => itemOf(eventFields, event, timeless))
    return { data: { ...page, items } satisfies EventsAnswer }
  },
}

/** @throws BadQuery */
function searched(text: string): string {
  if (text.length <= searchLengthMax) return text.trim().toLowerCase()
  throw new BadQuery(`q must have ${searchLengthMax} characters at most`)
}

const intervals = Object.keys(intervalsMs) as Interval[]

const historyOperation: Operation = {
  name: 'history',
  path: '/history',
  summary:
    'How the cluster was: samples of each second for ten minutes, or of each minute for a day, oldest first; while the ' +
    'master does not answer there is none',
  parameters: [
    {
      name: 'interval',
      description: 'How far samples are apart.',
      schema: { type: 'string', enum: intervals, default: '1s' },
    },
    {
      name: 'after',
      description: 'Only those of a later time, in ms since 1970.',
      schema: wholeSchema,
    },
  ],
  answer: object({
    intervalMs: wholeSchema,
    samples: {
      type: 'array',
      items: named('Sample'),
      maxItems: Math.max(...Object.values(samplesMax)),
    },
  }),
  waits: false,
  run: ({ history }, { parameters }) => {
    const name = parameters.get('interval') ?? ''
    const interval = name === '' ? '1s' : intervals.find((one) => one === name)
    if (interval === undefined)
      throw new BadQuery(`interval must be one of ${intervals.join(', ')}`)
    const text = parameters.get('after') ?? ''
    const after = text === '' ? 0 : whole('after', text, [0, afterMax])
    const samples = history
      .samples(interval)
      .filter(({ atMs }) => atMs > after)
      .map((sample) => itemOf(sampleFields, sample, timeless))
    return { data: { intervalMs: intervalsMs[interval], samples } satisfies HistoryAnswer }
  },
}

export const operations: readonly Operation[] = [
  clusterOperation,
  listOperation(workerList),
  itemOperation(workerList, (model, id) => model.worker(id)),
  listOperation(applicationList),
  itemOperation(applicationList, (model, id) => model.application(id)),
  explainOperation('application', itemSchema(applicationExplainFields)),
  listOperation(executorList),
  listOperation(driverList),
  itemOperation(driverList, (model, id) => model.driver(id)),
  explainOperation('driver', itemSchema(driverExplainFields)),
  eventsOperation,
  historyOperation,
]
