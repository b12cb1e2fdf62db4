/** Submissions over HTTP to the whole master with the real core, on both ports, and the client commands (section 9). */
import { createHmac } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import type * as Main from '../../src/master/main.js'
import { runAgainst } from '../cli/fake-cluster.js'
import { anyPorts } from '../built-daemons.js'
import { freePort } from '../free-port.js'
import { submission } from '../rest/harness.js'

const root = join(import.meta.dirname, '../..')
const built = (path: string): string => pathToFileURL(join(root, 'dist/src', path)).href

let startMaster: typeof Main.startMaster
beforeAll(async () => {
  ;({ startMaster } = (await import(built('master/main.js'))) as typeof Main)
})

const stops: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

async function start(entries: [string, string][] = [], parts: Main.MasterParts = {}) {
  const restPort = await freePort()
  const master = await startMaster(
    {
      ...anyPorts,
      confDir: join(root, 'conf'),
      configuration: new Configuration([['spark.master.rest.port', String(restPort)], ...entries]),
    },
    parts,
  )
  stops.push(() => master.stop())
  const address = master.masterUrl.replace('spark://', '')
  return { master, address, rest: `127.0.0.1:${restPort}` }
}

interface Told {
  readonly status: number
  readonly fields: Record<string, unknown>
}

async function ask(address: string, path: string, body?: object, headers = {}): Promise<Told> {
  const response = await fetch(`http://${address}/v1/submissions/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, fields: (await response.json()) as Told['fields'] }
}

describe('C22: both ports', () => {
  test('R2, R8, R10: are one and the same', async () => {
    const { address, rest, master } = await start()
    const ports = [address, rest] as const
    for (const [at, port] of ports.entries()) {
      const other = ports[1 - at]!
      const { fields } = await ask(port, 'create', submission())
      const id = String(fields['submissionId'])
      expect(fields).toMatchObject({
        success: true,
        submissionId: expect.stringMatching(/^driver-/),
      })
      const waiting = { driverState: 'SUBMITTED', submissionId: id, success: true }
      expect((await ask(other, `status/${id}`)).fields).toMatchObject(waiting)
      expect((await ask(other, `kill/${id}`, {})).fields).toMatchObject({ success: true })
      expect((await ask(port, `status/${id}`)).fields).toMatchObject({ driverState: 'KILLED' })
      expect((await ask(port, 'readyz')).status).toBe(200)
    }
    const page = await (await fetch(master.webUiUrl)).text()
    expect(page).toContain(`spark://${rest} (cluster mode)`)
  })

  test('R13: answer what is wrong alike', async () => {
    const { address, rest } = await start()
    const wrong: [string, object?][] = [
      ['create', { action: 'KillSubmissionRequest' }],
      ['create', submission({ sparkProperties: { 'spark.driver.cores': 'two' } })],
      ['create'],
      ['kill', {}],
      ['status/'],
      ['nothing', {}],
    ]
    for (const [path, body] of wrong) {
      const [left, right] = [await ask(address, path, body), await ask(rest, path, body)]
      expect(left).toEqual(right)
      expect(left.status).toBeGreaterThanOrEqual(400)
      expect(left.fields['action']).toBe('ErrorResponse')
    }
  })

  test('R17: ask for tokens where the filter is set', async () => {
    const key = Buffer.alloc(32, 5)
    const { address, rest } = await start([
      ['spark.master.rest.filters', 'org.apache.spark.ui.JWSFilter'],
      ['spark.org.apache.spark.ui.JWSFilter.param.secretKey', key.toString('base64url')],
    ])
    const signed = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.e30`
    const token = `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
    for (const port of [address, rest]) {
      expect((await ask(port, 'create', submission())).status).toBe(403)
      const bearer = { Authorization: `Bearer ${token}` }
      expect((await ask(port, 'create', submission(), bearer)).status).toBe(200)
    }
    const argv = ['--detach', 'http://h/a.py']
    expect(await runAgainst(address, 'submit', argv)).toMatchObject({
      status: 5,
      stderr: 'magneto submit: Authorization header is missing.\n',
    })
    const env = { MAGNETO_REST_TOKEN: token }
    expect(await runAgainst(address, 'submit', argv, { env })).toMatchObject({ status: 0 })
  })
})

test('P24: without REST nothing is taken, and clients are told which setting it is', async () => {
  const { address } = await start([['spark.master.rest.enabled', 'false']])
  const { status, stderr } = await runAgainst(address, 'status', ['driver-1'])
  expect([status, stderr]).toEqual([
    5,
    expect.stringContaining('spark.master.rest.enabled is false'),
  ])
  const refused = await runAgainst(address, 'submit', ['http://h/a.py'])
  expect([refused.status, refused.stderr]).toEqual([
    5,
    expect.stringMatching(/^magneto submit: [^\n]*spark\.master\.rest\.enabled[^\n]*\n$/),
  ])
  // What needs the web UI alone is there.
  expect(await runAgainst(address, 'list', [])).toMatchObject({ status: 0 })
})

test('the client commands, from a program that no worker can take to its end', async () => {
  const { address } = await start()
  const submitted = await runAgainst(address, 'submit', ['--detach', '--cores=3', 'http://h/a.mjs'])
  const id = submitted.stdout.trim()
  const { stdout } = await runAgainst(address, 'status', [id])
  expect(stdout).toMatch(new RegExp(`^${id} SUBMITTED\n.*no worker`, 'i'))
  const listed = await runAgainst(address, 'list', [])
  expect(listed.stdout).toMatch(new RegExp(`\n${id} +SUBMITTED +3 +1024m +- +a\\.mjs +\\S`))
  expect((await runAgainst(address, 'logs', [id])).stderr).toContain('it was not started yet')
  const killed = await runAgainst(address, 'kill', ['--wait', id])
  expect([killed.status, killed.looks]).toEqual([0, 0])
  expect(killed.stderr).toContain(`${id} KILLED`)
  // Pages show what was a moment ago.
  await expect.poll(async () => (await runAgainst(address, 'list', [])).stdout).not.toContain(id)
  expect((await runAgainst(address, 'list', ['--all'])).stdout).toContain(`${id}  KILLED`)
})

test('a gateway thread that is started again takes submissions again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-gateway-'))
  stops.push(() => rmSync(folder, { recursive: true }))
  const marker = JSON.stringify(join(folder, 'died'))
  // The real one, which dies of its first answer, once.
  const gatewayEntry = new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { existsSync, writeFileSync } from 'node:fs'
      import { parentPort } from 'node:worker_threads'
      import ${JSON.stringify(built('spark/gateway-thread.js'))}
      parentPort.on('message', (message) => {
        if (typeof message !== 'number' || existsSync(${marker})) return
        writeFileSync(${marker}, '')
        throw new Error('boom')
      })`)}`,
  )
  const { address, rest } = await start([], { gatewayEntry, restartDelayMs: () => 0 })
  await ask(address, 'readyz').catch(() => null)
  await expect
    .poll(() =>
      ask(address, 'readyz').then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200)
  expect(existsSync(join(folder, 'died'))).toBe(true)
  const { fields } = await ask(address, 'create', submission())
  const status = `status/${String(fields['submissionId'])}`
  expect((await ask(rest, status)).fields).toMatchObject({ success: true })
})
