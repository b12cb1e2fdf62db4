/** The description of REST v1, OpenAPI 3.1: made from what makes the answers. Pure. */
import type { Schema } from './field.js'
import type { Parameter } from './filter.js'
import { named, namedSchemas, type Operation } from './operations.js'

export const base = '/api/v1'

const jsonOf = (schema: Schema) => ({ 'application/json': { schema } })
const line = { 'text/plain': { schema: { type: 'string' } } }

const refusals = {
  400: 'A parameter is not known, or is not what it must be.',
  404: 'There is nothing with this id.',
  503: 'The master does not answer in time, or is stopping; try again.',
} as const

function refused({ path, inText = false, waits }: Operation): object {
  const there = { 400: true, 404: path.includes('{id}'), 503: waits }
  const statuses = ([400, 404, 503] as const).filter((status) => there[status])
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: refusals[status],
        content: { ...jsonOf(named('Error')), ...(inText ? line : {}) },
      },
    ]),
  )
}

/** Several values have commas between them. */
function parameterOf({ name, description, schema }: Parameter): object {
  const commas = schema.type === 'array' ? { style: 'form', explode: false } : {}
  return { name, in: 'query', description, ...commas, schema }
}

const idParameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'Percent-encoded.',
  schema: { type: 'string' },
}

function pathOf(operation: Operation): object {
  const { name, path, summary, parameters, answer, inText = false } = operation
  return {
    get: {
      operationId: name,
      summary,
      parameters: [...(path.includes('{id}') ? [idParameter] : []), ...parameters.map(parameterOf)],
      responses: {
        200: { description: summary, content: { ...jsonOf(answer), ...(inText ? line : {}) } },
        ...refused(operation),
      },
    },
  }
}

export function openApi(operations: readonly Operation[]): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Magneto',
      version: '1',
      description:
        'The cluster for people and their tools. Times are ms since 1970, memory is in MiB, states have the names that ' +
        'Spark gives them, and what is absent is null. Fields may be added.',
    },
    servers: [{ url: base }],
    paths: Object.fromEntries(operations.map((operation) => [operation.path, pathOf(operation)])),
    components: { schemas: namedSchemas },
  }
}
