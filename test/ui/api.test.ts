/** The description of REST v1 against the answers of a running server: what it promises, and nothing else, is there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ViewUnavailable } from '../../src/ui/errors.js'
import { clusterOf } from './views.js'
import { apiServer, hostileView, type Got } from './api-server.js'

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly schema: Schema
}

interface Schema {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
}

interface Operation {
  readonly operationId: string
  readonly parameters: readonly Parameter[]
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, object>> }>
  >
}

interface Document {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/** As a reader who takes nothing that is not described. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict)
  if (typeof value !== 'object' || value === null) return value
  const inner = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, strict(one)]))
  const closed = inner['type'] === 'object' && 'properties' in inner
  return closed ? { ...inner, additionalProperties: false } : inner
}

let document: Document
let operations: [path: string, operation: Operation][]
let ajv: Ajv2020
let ask: Awaited<ReturnType<typeof apiServer>>

beforeAll(async () => {
  const first = await apiServer()
  document = (await first('/openapi.json')).data as Document
  operations = Object.entries(document.paths).map(([path, { get }]) => [path, get])
  ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
  // Of the document only schemas are schemas.
  for (const keyword of ['openapi', 'info', 'servers', 'paths', 'components'])
    ajv.addKeyword(keyword)
  ajv.addSchema(strict(document) as object, 'openapi')
})

function pointer(...steps: string[]): string {
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

const typeOf = ({ type }: Got) => type.split(';')[0] ?? ''

const validators = new Map<string, ValidateFunction>()

function validator(path: string, got: Got): ValidateFunction {
  const response = ['paths', path, 'get', 'responses', String(got.status)]
  const place = pointer(...response, 'content', typeOf(got), 'schema')
  const validate = validators.get(place) ?? ajv.compile({ $ref: `openapi#${encodeURI(place)}` })
  validators.set(place, validate)
  return validate
}

/** That the answer is one of those that are described, as it is described. */
function expectDescribed(path: string, operation: Operation, got: Got): void {
  const described = operation.responses[String(got.status)]?.content ?? {}
  expect(Object.keys(described), `${path} answers ${got.status}`).toContain(typeOf(got))
  if (typeOf(got) !== 'application/json') return
  const validate = validator(path, got)
  expect(validate(got.data) ? [] : validate.errors, `${path}: ${got.text.slice(0, 200)}`).toEqual(
    [],
  )
}

/** Of everything that the path is about. */
async function targets(path: string): Promise<string[]> {
  if (!path.includes('{id}')) return [path]
  const list = path.slice(0, path.indexOf('/{id}'))
  const { items } = (await ask(`${list}?limit=1000`)).data as { items: { id: string }[] }
  expect(items.length).toBeGreaterThan(5)
  return items.map(({ id }) => path.replace('{id}', encodeURIComponent(id)))
}

/** Some that a parameter may be, by its schema. */
function good({ schema }: Parameter): string[] {
  const { type, enum: names, items, minimum, maximum } = schema
  if (names !== undefined) return [...names]
  if (type === 'array') return [...(items?.enum ?? []), (items?.enum ?? []).join(',')]
  if (type === 'boolean') return ['true', 'false']
  if (type === 'integer') return [String(minimum ?? 0), String(maximum ?? 7)]
  return ['<script>', '']
}

/** Some that it must not be. */
function bad({ schema }: Parameter): string[] {
  const { type, enum: names, maximum, maxLength } = schema
  if (names !== undefined || type === 'array') return ['nonsense', '__proto__']
  if (type === 'boolean') return ['yes']
  if (type === 'integer') return ['-1', '1.5', 'x', ...(maximum ? [String(maximum + 1)] : [])]
  return maxLength === undefined ? [] : ['x'.repeat(maxLength + 1)]
}

const query = ({ name }: Parameter, value: string) => `?${name}=${encodeURIComponent(value)}`
const inQuery = ({ parameters }: Operation) => parameters.filter((one) => one.in === 'query')

describe('the description', () => {
  test('is OpenAPI 3.1 in itself', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.servers).toEqual([{ url: '/api/v1' }])
    const names = operations.map(([, { operationId }]) => operationId)
    expect(new Set(names).size).toBe(names.length)
    for (const [path, { parameters, responses }] of operations) {
      const templates = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const declared = parameters.filter((one) => one.in === 'path').map(({ name }) => name)
      expect(declared, path).toEqual(templates)
      expect(Object.keys(responses), path).toContain('200')
    }
  })

  test('each of its schemas is one, and used', () => {
    const text = JSON.stringify(document.paths) + JSON.stringify(document.components)
    for (const name of Object.keys(document.components.schemas)) {
      ajv.compile({ $ref: `openapi#/components/schemas/${name}` })
      expect(text).toContain(`"#/components/schemas/${name}"`)
    }
  })

  test('the documentation names every path and every parameter', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/rest-api.md'), 'utf8')
    for (const [path, operation] of operations) {
      expect(page).toContain(`\`${path.slice(1)}`)
      for (const { name } of inQuery(operation)) expect(page).toContain(`\`${name}\``)
    }
  })
})

describe('a running server', () => {
  beforeEach(async () => {
    ask = await apiServer()
  })

  test('answers every path for everything there is as described, hostile names and all', async () => {
    for (const [path, operation] of operations) {
      for (const target of await targets(path)) {
        const got = await ask(target)
        expect(got.status, target).toBe(200)
        expectDescribed(path, operation, got)
      }
    }
  })

  test('answers every value of every parameter as described', async () => {
    for (const [path, operation] of operations) {
      for (const parameter of inQuery(operation)) {
        for (const value of good(parameter)) {
          const got = await ask(path + query(parameter, value))
          expect(got.status, `${path}${query(parameter, value)}`).toBe(200)
          expectDescribed(path, operation, got)
        }
      }
    }
  })

  test('refuses what a parameter must not be, and parameters that are not there, with 400', async () => {
    for (const [path, operation] of operations) {
      const [target = ''] = await targets(path)
      const wrong = inQuery(operation).flatMap((one) => bad(one).map((value) => query(one, value)))
      for (const one of [...wrong, '?nonsense=1', '?__proto__=1']) {
        const got = await ask(target + one)
        expect(got.status, target + one).toBe(400)
        expectDescribed(path, operation, got)
      }
    }
  })

  test('Y5: says with 404 what is not there', async () => {
    for (const [path, operation] of operations) {
      if (!('404' in operation.responses)) continue
      const got = await ask(path.replace('{id}', 'nobody%1B'))
      expect(got.status, path).toBe(404)
      expectDescribed(path, operation, got)
    }
  })

  test('says with 503 that the master does not answer; what needs no answer is there', async () => {
    const current = async (): Promise<never> => {
      throw new ViewUnavailable('the master did not answer in time')
    }
    const silent = await apiServer({ cluster: { ...clusterOf(hostileView), current } })
    for (const [path, operation] of operations) {
      const got = await silent(path.replace('{id}', 'worker-1'))
      expect(got.status, path).toBe('503' in operation.responses ? 503 : 200)
      expectDescribed(path, operation, got)
      if (got.status === 503) expect(got.headers.get('retry-after')).toBe('1')
    }
  })

  test('answers for terminals where the description says so', async () => {
    const headers = { Accept: 'text/plain' }
    for (const [path, operation] of operations) {
      const inText = 'text/plain' in (operation.responses['200']?.content ?? {})
      const [target = ''] = await targets(path)
      for (const one of [target, `${target}?nonsense=1`, path.replace('{id}', 'nobody')]) {
        const got = await ask(one, { headers })
        expectDescribed(path, operation, got)
        expect(typeOf(got) === 'text/plain', one).toBe(inText)
      }
    }
  })

  test('HEAD has the headers of GET and no body', async () => {
    for (const [path] of operations) {
      const [target = ''] = await targets(path)
      const headers = { 'Accept-Encoding': 'identity' }
      const [get, head] = [
        await ask(target, { headers }),
        await ask(target, { headers, method: 'HEAD' }),
      ]
      expect([head.status, head.text], target).toEqual([200, ''])
      for (const name of ['content-type', 'content-length'])
        expect(head.headers.get(name), target).toBe(get.headers.get(name))
    }
  })
})
