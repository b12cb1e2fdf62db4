/** REST v1: from a request below /api/v1/ to its answer. */
import type { IncomingHttpHeaders } from 'node:http'
import { Unanswered } from '../../control/ask-session.js'
import { jsonAnswer, plain, text, type Answer } from '../../http/answer.js'
import type { Json } from '../../http/json-text.js'
import { reads, type Asked, type Route } from '../../http/route.js'
import { ViewUnavailable } from '../errors.js'
import type { RouteContext } from '../route-context.js'
import { BadQuery } from '../table-query.js'
import { base, openApi } from './openapi.js'
import { operations, type Operation } from './operations.js'

const all: readonly Operation[] = [
  ...operations,
  {
    name: 'description',
    path: '/openapi.json',
    summary: 'This description',
    parameters: [],
    answer: { type: 'object' },
    waits: false,
    run: () => ({ data: openApi(all) }),
  },
]

/** With its slash at the end or without it. */
const patterns = all.map((operation) => ({
  operation,
  pattern: new RegExp(`^${base}${operation.path.replace('{id}', '([^/]+)')}/?$`),
}))

/** Whether the peer names plain text before JSON; browsers and plain curl name neither. */
function prefersText({ accept }: IncomingHttpHeaders): boolean {
  const asked = (accept ?? '').split(',').map((range) => range.split(';')[0]?.trim().toLowerCase())
  return asked.find((type) => type === 'text/plain' || type === 'application/json') === 'text/plain'
}

/** @throws BadQuery */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new BadQuery('the id is not percent-encoded UTF-8')
  }
}

/** @throws BadQuery */
function check(parameters: URLSearchParams, { parameters: known }: Pick<Operation, 'parameters'>) {
  for (const name of new Set(parameters.keys())) {
    if (!known.some((one) => one.name === name)) {
      const names = known.map((one) => one.name).join(', ')
      const there = names === '' ? 'this path takes none' : `known are ${names}`
      throw new BadQuery(`there is no parameter ${name}: ${there}`)
    }
    if (parameters.getAll(name).length > 1) throw new BadQuery(`${name} must be given once`)
  }
}

/** Data of our own making: names, numbers, lists and objects of these. */
function dataAnswer(status: number, data: object): Answer {
  return jsonAnswer(status, data as Json)
}

function refusal(status: number, reason: string, asText: boolean): Answer {
  const headers = status === 503 ? { 'Retry-After': '1' } : {}
  if (asText) return plain(status, reason, headers)
  return { ...dataAnswer(status, { error: reason }), headers }
}

async function operationAnswer(
  operation: Operation,
  part: string,
  { context, asked }: { readonly context: RouteContext; readonly asked: Asked },
): Promise<Answer> {
  const asText = operation.inText === true && prefersText(asked.headers)
  try {
    const id = decoded(part)
    check(asked.parameters, operation)
    const found = await operation.run(context, { id, parameters: asked.parameters })
    if (found === null) {
      const [, kind = ''] = /^\/(\w+)s\//.exec(operation.path) ?? []
      return refusal(404, `there is no ${kind} ${id}`, asText)
    }
    return asText ? text(found.text ?? '') : dataAnswer(200, found.data)
  } catch (error) {
    if (error instanceof BadQuery) return refusal(400, error.message, asText)
    if (error instanceof ViewUnavailable || error instanceof Unanswered)
      return refusal(503, error.message, asText)
    throw error
  }
}

async function apiAnswer(context: RouteContext, asked: Asked): Promise<Answer> {
  for (const { operation, pattern } of patterns) {
    const found = pattern.exec(asked.path)
    if (found !== null) return operationAnswer(operation, found[1] ?? '', { context, asked })
  }
  const paths = all.map(({ path }) => path).join(', ')
  return refusal(404, `there is no ${asked.path}; below ${base} there are ${paths}`, false)
}

export const apiRoute: Route<RouteContext> = {
  methods: reads,
  matches: (path) => path.startsWith(`${base}/`) || path === base,
  answer: apiAnswer,
}
