import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { requestBodyBytesMax } from '../../src/http/page-server.js'
import type { Commands } from '../../src/ui/command-session.js'
import { Unanswered } from '../../src/control/ask-session.js'
import { ViewUnavailable } from '../../src/ui/errors.js'
import type { RouteContext } from '../../src/ui/route-context.js'
import { answerTo } from '../../src/ui/routes.js'
import { retryPort } from '../../src/http/server.js'
import { WebServer } from '../../src/ui/server.js'
import {
  applicationView,
  clusterOf,
  clusterView,
  eventless,
  explanation,
  waitingDriverView,
} from './views.js'
import { ask as askServer } from '../http/ask.js'

const running: WebServer[] = []
const faults: Error[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
  expect(faults.splice(0)).toEqual([])
})

/** Knows app-1, driver-1 and two workers on host-1. */
function recordingCommands() {
  const sent: string[] = []
  const kill = (what: string, known: string) => async (id: string) => {
    sent.push(id)
    return { ok: id === known, message: `there is no ${what} ${id}`, count: 0 }
  }
  const commands: Commands = {
    killApplication: kill('application', 'app-1'),
    killDriver: kill('driver', 'driver-1'),
    decommissionWorkers: async (hosts) => {
      sent.push(...hosts)
      return { ok: true, message: '', count: hosts.includes('host-1') ? 2 : 0 }
    },
  }
  return { sent, commands }
}

const formType = { 'Content-Type': 'application/x-www-form-urlencoded' }
const foreignHeaders: Record<string, string>[] = [
  { 'Sec-Fetch-Site': 'cross-site' },
  { Origin: 'http://evil' },
]
const declined = { ok: false, message: 'not\r\nnow', count: 0 }

async function noAnswer(): Promise<never> {
  throw new Unanswered('the master did not answer in time')
}
const silent: Commands = {
  killApplication: noAnswer,
  killDriver: noAnswer,
  decommissionWorkers: noAnswer,
}

async function start(change: Partial<RouteContext> = {}) {
  const { sent: killed, commands } = recordingCommands()
  const audited: string[][] = []
  const server = new WebServer({
    host: '127.0.0.1',
    port: 0,
    maxRetries: 0,
    context: {
      killEnabled: true,
      decommissionAllowMode: 'LOCAL',
      commands,
      audit: (...line) => audited.push(line),
      cluster: clusterOf(clusterView()),
      ...eventless,
      ...change,
    },
    onFault: (error) => faults.push(error),
  })
  running.push(server)
  const port = await server.listen()
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body = '') =>
    askServer(port, path, { method, headers, body })
  return { ask, killed, audited, port }
}

describe('reading', () => {
  test.each(['/', '/app/?appId=app-1', '/app/?appId=unknown'])('%s is a page', async (path) => {
    const { ask } = await start()
    const got = await ask('GET', path)
    expect(got.status).toBe(200)
    expect(got.headers['content-type']).toBe('text/html;charset=utf-8')
    expect(got.body.toString()).toMatch(/^<!doctype html>/)
  })

  test('U10, V5: /json redirects to /json/, which is the document', async () => {
    const { ask } = await start()
    const moved = await ask('GET', '/json')
    expect([moved.status, moved.headers.location]).toEqual([301, '/json/'])
    const got = await ask('GET', '/json/')
    expect(got.headers['content-type']).toBe('text/json;charset=utf-8')
    expect(got.body.toString()).toMatch(/^\{\n {2}"url" : "spark:\/\/master:7077",\n/)
    expect(JSON.parse(got.body.toString())).toMatchObject({ status: 'ALIVE' })
  })

  test.each([
    ['/json/aliveworkers', { aliveworkers: 1 }],
    ['/json/status/', { status: 'ALIVE' }],
    ['/json/nonsense', { nonsense: '' }],
    ['/json/clusterutilization', { coresutilization: 37 }],
  ])('U11, U12: %s', async (path, expected) => {
    const { ask } = await start()
    expect(JSON.parse((await ask('GET', path)).body.toString())).toMatchObject(expected)
  })
})

describe('why something waits', () => {
  const waiting = {
    cluster: clusterOf(
      clusterView({
        activeApplications: [applicationView('app/1', { explanations: [explanation()] })],
        activeDrivers: [waitingDriverView('driver-1')],
      }),
    ),
  }

  test.each(['/api/v1/applications/app%2F1/explain', '/api/v1/drivers/driver-1/explain/'])(
    '%s is JSON',
    async (path) => {
      const { ask } = await start(waiting)
      const got = await ask('GET', path)
      expect([got.status, got.headers['content-type']]).toEqual([200, 'application/json'])
      expect(got.body.toString()).toMatch(/^\{\n {2}"id" : "[^]*\}\n$/)
      expect(JSON.parse(got.body.toString())).toMatchObject({
        waiting: true,
        explanations: [{ reason: 'no worker has 4 cores and 8192 MiB free' }],
      })
    },
  )

  test.each([
    ['text/plain', 'text/plain;charset=utf-8'],
    ['text/plain;q=0.9, */*', 'text/plain;charset=utf-8'],
    ['application/json, text/plain', 'application/json'],
    ['text/html,*/*;q=0.8', 'application/json'],
    ['*/*', 'application/json'],
  ])('who accepts %s gets %s', async (accept, type) => {
    const { ask } = await start(waiting)
    const got = await ask('GET', '/api/v1/drivers/driver-1/explain', { Accept: accept })
    expect(got.headers['content-type']).toBe(type)
    expect(got.headers.vary).toContain('Accept,')
  })

  test('Y5: an unknown id is 404, as JSON or as text', async () => {
    const { ask } = await start(waiting)
    const path = '/api/v1/applications/%1B%5B2J/explain'
    const data = await ask('GET', path)
    expect([data.status, data.headers['content-type']]).toEqual([404, 'application/json'])
    expect(JSON.parse(data.body.toString())).toEqual({
      error: 'there is no application \u001B[2J',
    })
    const line = await ask('GET', path, { Accept: 'text/plain' })
    expect([line.status, line.body.toString()]).toEqual([
      404,
      '404 Not Found: there is no application \uFFFD[2J\n',
    ])
  })

  test.each([
    ['GET', '/api/v1/drivers/%zz/explain', 400],
    ['POST', '/api/v1/drivers/driver-1/explain', 405],
    ['GET', '/api/v1/drivers//explain', 404],
    ['GET', '/api/v1/workers/worker-1/explain', 404],
    ['GET', '/api/v1/drivers/driver-9', 404],
  ])('%s %s gets %i', async (method, path, status) => {
    const { ask } = await start(waiting)
    expect((await ask(method, path)).status).toBe(status)
  })
})

describe('every page', () => {
  test('HEAD has the headers of GET and no body', async () => {
    const { ask } = await start()
    const [head, get] = [await ask('HEAD', '/json/'), await ask('GET', '/json/')]
    expect(head.status).toBe(200)
    expect(head.body).toHaveLength(0)
    expect(head.headers['content-length']).toBe(get.headers['content-length'])
  })

  test('U19: gzip for who takes it', async () => {
    const { ask } = await start()
    const packed = await ask('GET', '/', { 'Accept-Encoding': 'br, gzip' })
    expect(packed.headers['content-encoding']).toBe('gzip')
    expect(gunzipSync(packed.body).toString()).toMatch(/^<!doctype html>/)
    const refused = await ask('GET', '/', { 'Accept-Encoding': 'gzip;q=0' })
    expect(refused.headers['content-encoding']).toBeUndefined()
  })

  test('P51: every answer carries the security headers, none names the server', async () => {
    const { ask } = await start()
    for (const path of ['/', '/json/', '/nowhere']) {
      const { headers } = await ask('GET', path)
      expect(headers['x-frame-options']).toBe('SAMEORIGIN')
      expect(headers['x-xss-protection']).toBe('0')
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['content-security-policy']).toContain("default-src 'none'")
      expect(headers.server).toBeUndefined()
    }
  })

  test('P51: the content policy lets in the one style sheet of the page', async () => {
    const { ask } = await start()
    const { headers, body } = await ask('GET', '/')
    const css = /<style>([^]*)<\/style>/.exec(body.toString())?.[1] ?? ''
    const hash = createHash('sha256').update(css).digest('base64')
    expect(headers['content-security-policy']).toContain(`style-src 'sha256-${hash}'`)
  })

  test('a master that gives no view: 503', async () => {
    const { ask } = await start({
      cluster: {
        current: async () => {
          throw new ViewUnavailable('the master did not answer in time')
        },
        explain: async () => {},
        answeredInMs: 0,
      },
    })
    expect((await ask('GET', '/')).status).toBe(503)
  })

  test('a fault of ours: 500 without its text, and it is reported', async () => {
    const { ask } = await start({
      cluster: {
        current: async () => {
          throw new TypeError('secret detail')
        },
        explain: async () => {},
        answeredInMs: 0,
      },
    })
    const got = await ask('GET', '/')
    expect(got.status).toBe(500)
    expect(got.body.toString()).not.toContain('secret detail')
    expect(faults.splice(0).map((fault) => fault.message)).toEqual(['secret detail'])
  })
})

describe('refusing', () => {
  test.each([
    ['TRACE', '/', 405],
    ['POST', '/', 405],
    ['DELETE', '/json/', 405],
    ['GET', '/app/kill/?id=app-1&terminate=true', 405],
    ['GET', '/nowhere', 404],
    ['GET', '/app/', 400],
    ['GET', 'http://elsewhere/', 400],
    ['GET', '//[', 404],
  ])('%s %s gets %i', async (method, path, status) => {
    const { ask, killed } = await start()
    expect((await ask(method, path)).status).toBe(status)
    expect(killed).toEqual([])
  })

  test('headers over the limit: 431', async () => {
    const { ask } = await start()
    expect((await ask('GET', '/', { 'X-Long': 'x'.repeat(20_000) })).status).toBe(431)
  })

  test('a body over the limit: 413', async () => {
    const { ask, killed } = await start()
    const body = 'x'.repeat(requestBodyBytesMax + 1)
    const got = await ask('POST', '/app/kill/?id=app-1&terminate=true', {}, body)
    expect(got.status).toBe(413)
    expect(killed).toEqual([])
  })
})

describe.each([
  ['U13', 'application', '/app/kill/', 'app-1'],
  ['U14', 'driver', '/driver/kill/', 'driver-1'],
])('%s: killing, of an %s', (_spec, what, folder, id) => {
  const path = `${folder}?id=${id}&terminate=true`

  test('kills and goes back to the first page', async () => {
    const { ask, killed } = await start()
    const got = await ask('POST', path)
    expect([got.status, got.headers.location]).toEqual([302, '/'])
    expect(killed).toEqual([id])
  })

  test('takes the parameters from a form too', async () => {
    const { ask, killed } = await start()
    await ask('POST', folder, formType, `id=${id}&terminate=true`)
    expect(killed).toEqual([id])
  })

  test('only by POST', async () => {
    const { ask, killed } = await start()
    const got = await ask('GET', path)
    expect([got.status, got.headers.allow]).toEqual([405, 'POST'])
    expect(killed).toEqual([])
  })

  test.each(foreignHeaders)('refuses another site: %j', async (headers) => {
    const { ask, killed } = await start()
    expect((await ask('POST', path, headers)).status).toBe(403)
    expect(killed).toEqual([])
  })

  test.each(['', '?id=x-1', '?id=x-1&terminate=false', `?id=${'x'.repeat(257)}&terminate=true`])(
    'refuses the parameters "%s"',
    async (incomplete) => {
      const { ask, killed } = await start()
      expect((await ask('POST', folder + incomplete)).status).toBe(400)
      expect(killed).toEqual([])
    },
  )

  test('P46: refuses when kills are off', async () => {
    const { ask, killed } = await start({ killEnabled: false })
    expect((await ask('POST', path)).status).toBe(403)
    expect(killed).toEqual([])
  })

  test("says the master's reason when it did not kill", async () => {
    const { ask, audited } = await start()
    const got = await ask('POST', `${folder}?id=x-9&terminate=true`)
    expect([got.status, got.body.toString()]).toEqual([
      404,
      `404 Not Found: there is no ${what} x-9\n`,
    ])
    expect(audited).toEqual([['127.0.0.1', `kill ${what} x-9`, `there is no ${what} x-9`]])
  })

  test('no answer from the master: 503, and it is kept that it was asked', async () => {
    const { ask, audited } = await start({ commands: silent })
    expect((await ask('POST', path)).status).toBe(503)
    const missing = 'the master did not answer in time'
    expect(audited).toEqual([['127.0.0.1', `kill ${what} ${id}`, missing]])
  })
})

describe('U15, D1: telling workers to leave', () => {
  const path = '/workers/kill/?host=host-1'

  test('of one host, of several, of a form', async () => {
    const { ask, killed, audited } = await start()
    const got = await ask('POST', path)
    expect(audited).toEqual([['127.0.0.1', 'decommission the workers on host-1', 'done']])
    expect([got.status, got.body.toString()]).toEqual([200, '200 OK: workers told to leave: 2\n'])
    expect((await ask('POST', '/workers/kill?host=none&host=host-1')).status).toBe(200)
    expect((await ask('POST', '/workers/kill/', formType, 'host=a&host=host-1')).status).toBe(200)
    expect(killed).toEqual(['host-1', 'none', 'host-1', 'a', 'host-1'])
  })

  test('no worker there: 404; no host: 404, and the master is not asked', async () => {
    const { ask, killed } = await start()
    expect((await ask('POST', '/workers/kill/?host=elsewhere')).status).toBe(404)
    expect(killed).toEqual(['elsewhere'])
    for (const nothing of ['/workers/kill/', '/workers/kill/?host=']) {
      expect((await ask('POST', nothing)).status).toBe(404)
    }
    expect(killed).toEqual(['elsewhere'])
  })

  test('only by POST', async () => {
    const { ask } = await start()
    const got = await ask('GET', path)
    expect([got.status, got.headers.allow]).toEqual([405, 'POST'])
  })

  test('is not there without spark.decommission.enabled', async () => {
    const { ask, killed } = await start({ decommissionAllowMode: null })
    expect((await ask('POST', path)).status).toBe(404)
    expect((await ask('GET', path)).status).toBe(404)
    expect(killed).toEqual([])
  })

  test('V5, P22: DENY refuses everybody with 403, ALLOW nobody', async () => {
    const { ask: denied, killed } = await start({ decommissionAllowMode: 'DENY' })
    const got = await denied('POST', path)
    expect(got.status).toBe(403)
    expect(got.body.toString()).toContain('spark.master.ui.decommission.allow.mode is DENY')
    expect(killed).toEqual([])
    const { ask: allowed } = await start({ decommissionAllowMode: 'ALLOW' })
    expect((await allowed('POST', path)).status).toBe(200)
  })

  test('P22: LOCAL refuses another machine and says from where it came', async () => {
    const { sent, commands } = recordingCommands()
    const request = { method: 'POST', target: path, headers: {}, form: new URLSearchParams() }
    const from = (remoteAddress: string) =>
      answerTo(
        { ...request, remoteAddress },
        {
          killEnabled: true,
          decommissionAllowMode: 'LOCAL',
          commands,
          audit: () => {},
          cluster: clusterOf(clusterView()),
          ...eventless,
        },
      )
    const far = await from('192.0.2.7')
    expect(far.status).toBe(403)
    expect(far.body).toContain('192.0.2.7 is no address of the master')
    expect((await from('')).status).toBe(403)
    expect(sent).toEqual([])
    expect((await from('::ffff:127.0.0.1')).status).toBe(200)
  })

  test.each(foreignHeaders)('refuses a browser on another site: %j', async (headers) => {
    const { ask, killed } = await start({ decommissionAllowMode: 'ALLOW' })
    expect((await ask('POST', path, headers)).status).toBe(403)
    expect(killed).toEqual([])
  })

  test('P46: does not need the kill buttons', async () => {
    const { ask } = await start({ killEnabled: false })
    expect((await ask('POST', path)).status).toBe(200)
  })

  test('a master that did not carry it out: 404 with its reason; no answer: 503', async () => {
    const refusing = { ...silent, decommissionWorkers: async () => declined }
    const got = await (await start({ commands: refusing })).ask('POST', path)
    expect([got.status, got.body.toString()]).toEqual([404, '404 Not Found: not now\n'])
    expect((await (await start({ commands: silent })).ask('POST', path)).status).toBe(503)
  })
})

describe('C16: ports', () => {
  test('0 stays 0; others count up and wrap inside 1024 to 65535', () => {
    expect([retryPort(0, 3), retryPort(8080, 2), retryPort(65535, 1)]).toEqual([0, 8082, 1024])
  })

  test('a taken port is passed over; without retries it is an error', async () => {
    const blocker = createServer()
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
    const { port } = blocker.address() as { port: number }
    const options = {
      host: '127.0.0.1',
      port,
      context: {
        killEnabled: true,
        decommissionAllowMode: null,
        commands: recordingCommands().commands,
        audit: () => {},
        cluster: clusterOf(clusterView()),
        ...eventless,
      },
      onFault: (error: Error) => faults.push(error),
    }
    const patient = new WebServer({ ...options, maxRetries: 16 })
    running.push(patient)
    expect(await patient.listen()).not.toBe(port)
    const strict = new WebServer({ ...options, maxRetries: 0 })
    await expect(strict.listen()).rejects.toThrow(`port ${port}: EADDRINUSE`)
    await new Promise((resolve) => blocker.close(resolve))
  })
})
