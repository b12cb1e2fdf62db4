/** `/json/` of a cluster that is too large to be told at once, and that goes on changing while it is told. */
import { expect, test } from 'vitest'
import { prettyJson, type JsonObject } from '../../src/http/json-text.js'
import { partChars } from '../../src/http/parts.js'
import { ChangesT, ClusterViewT, WorkerRowT, WorkerState } from '../../src/schema/magneto.js'
import type { ClusterModel } from '../../src/ui/model/cluster-model.js'
import type { RouteContext } from '../../src/ui/route-context.js'
import { answerTo } from '../../src/ui/routes.js'
import { clusterJson } from './documents.js'
import { applicationView, changesBytes, clusterView, modelOf, workerView } from './views.js'

const workers = 3000

const huge = () =>
  clusterView({
    workers: Array.from({ length: workers }, (_, at) =>
      workerView(`worker-${String(at).padStart(5, '0')}`, { cores: 8, coresUsed: at % 8 }),
    ),
    activeApplications: Array.from({ length: 500 }, (_, at) =>
      applicationView(`app-${String(at).padStart(4, '0')}`),
    ),
  })

function ask(model: ClusterModel, target: string) {
  const context = { cluster: { current: async () => model } } as unknown as RouteContext
  const form = new URLSearchParams()
  return answerTo({ method: 'GET', target, headers: {}, form, remoteAddress: '' }, context)
}

interface Document extends JsonObject {
  readonly workers: { id: string; coresused: number }[]
  readonly activeapps: JsonObject[]
  readonly aliveworkers: number
  readonly coresused: number
}

test('U10: a long document is in parts, byte for byte what it is at once', async () => {
  const view = huge()
  const { status, type, body } = await ask(modelOf(view), '/json/')
  expect([status, type]).toEqual([200, 'text/json;charset=utf-8'])
  const parts: string[] = []
  for await (const part of body as AsyncIterable<string>) parts.push(part)
  expect(parts.length).toBeGreaterThan(20)
  for (const part of parts.slice(0, -1)) expect(part.length).toBeGreaterThanOrEqual(partChars)
  for (const part of parts) expect(part.length).toBeLessThan(2 * partChars)
  expect(parts.join('')).toBe(prettyJson(clusterJson(view)))
})

test.each(['workers', 'activeapps'])('U11: /json/%s alone, too', async (field) => {
  const view = huge()
  const { body } = await ask(modelOf(view), `/json/${field}`)
  const parts: string[] = []
  for await (const part of body as AsyncIterable<string>) parts.push(part)
  expect(parts.length).toBeGreaterThan(1)
  expect(parts.join('')).toBe(prettyJson({ [field]: clusterJson(view)[field]! }))
})

test('U10, J8: totals and lists are of one moment, whatever happens while it is read', async () => {
  const model = modelOf(huge())
  const { body } = await ask(model, '/json/')
  const parts: string[] = []
  for await (const part of body as AsyncIterable<string>) {
    parts.push(part)
    if (parts.length !== 2) continue
    // All are busy now, some are dead, others have gone, and so has every application.
    const change = new ChangesT(new ClusterViewT('spark://master:7077'))
    const rows = [...model.workers.values()]
    change.workers = rows.map(
      ({ number, worker }, at) =>
        new WorkerRowT(
          number,
          workerView(String(worker.id), {
            coresUsed: 8,
            state: at % 2 === 0 ? WorkerState.DEAD : WorkerState.ALIVE,
          }),
        ),
    )
    model.apply(changesBytes(change))
    const gone = [...model.workers.values()].slice(0, 1000).map(({ number }) => number)
    for (const { number } of model.activeApplications.values()) gone.push(number)
    model.apply(
      changesBytes(
        Object.assign(new ChangesT(new ClusterViewT('spark://other:7077')), { removed: gone }),
      ),
    )
  }
  expect(model.activeApplications.size).toBe(0)
  const document = JSON.parse(parts.join('')) as Document
  const used = document.workers.reduce((sum, { coresused }) => sum + coresused, 0)
  expect(document).toMatchObject({ status: 'ALIVE', aliveworkers: workers, coresused: used })
  expect(document.workers).toHaveLength(workers)
  expect(document.activeapps).toHaveLength(500)
  const now = await ask(model, '/json/coresused')
  expect(now.body).not.toBe(prettyJson({ coresused: used }))
})
