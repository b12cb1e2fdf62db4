import { createHash } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { CommandFailed, ViewUnavailable } from '../../src/ui/errors.js'
import type { RouteContext } from '../../src/ui/routes.js'
import { requestBodyBytesMax, retryPort, WebServer } from '../../src/ui/server.js'
import { clusterView } from './views.js'

const running: WebServer[] = []
const faults: Error[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
  expect(faults.splice(0)).toEqual([])
})

interface Got {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

async function start(change: Partial<RouteContext> = {}) {
  const killed: string[] = []
  const server = new WebServer({
    host: '127.0.0.1',
    port: 0,
    maxRetries: 0,
    context: {
      killEnabled: true,
      view: async () => clusterView(),
      killApplication: async (id) => {
        killed.push(id)
        return { ok: id === 'app-1', message: `there is no application ${id}` }
      },
      ...change,
    },
    onFault: (error) => faults.push(error),
  })
  running.push(server)
  const port = await server.listen()
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body = '') =>
    new Promise<Got>((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port, method, path, headers },
        (response) => {
          const parts: Buffer[] = []
          response.on('data', (part: Buffer) => parts.push(part))
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(parts),
            }),
          )
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  return { ask, killed, port }
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
      expect(headers['x-xss-protection']).toBe('1; mode=block')
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
      view: async () => {
        throw new ViewUnavailable('the master did not answer in time')
      },
    })
    expect((await ask('GET', '/')).status).toBe(503)
  })

  test('a fault of ours: 500 without its text, and it is reported', async () => {
    const { ask } = await start({
      view: async () => {
        throw new TypeError('secret detail')
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

describe('U13: killing an application', () => {
  const path = '/app/kill/?id=app-1&terminate=true'

  test('kills and goes back to the first page', async () => {
    const { ask, killed } = await start()
    const got = await ask('POST', path)
    expect([got.status, got.headers.location]).toEqual([302, '/'])
    expect(killed).toEqual(['app-1'])
  })

  test('takes the parameters from a form too', async () => {
    const { ask, killed } = await start()
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
    await ask('POST', '/app/kill/', type, 'id=app-1&terminate=true')
    expect(killed).toEqual(['app-1'])
  })

  test.each([{ 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'http://evil' }])(
    'refuses another site: %j',
    async (headers) => {
      const { ask, killed } = await start()
      expect((await ask('POST', path, headers as Record<string, string>)).status).toBe(403)
      expect(killed).toEqual([])
    },
  )

  test.each(['/app/kill/', '/app/kill/?id=app-1', '/app/kill/?id=app-1&terminate=false'])(
    'refuses %s',
    async (incomplete) => {
      const { ask, killed } = await start()
      expect((await ask('POST', incomplete)).status).toBe(400)
      expect(killed).toEqual([])
    },
  )

  test('P46: refuses when kills are off', async () => {
    const { ask, killed } = await start({ killEnabled: false })
    expect((await ask('POST', path)).status).toBe(403)
    expect(killed).toEqual([])
  })

  test("says the master's reason when it did not kill", async () => {
    const { ask } = await start()
    const got = await ask('POST', '/app/kill/?id=app-9&terminate=true')
    expect(got.status).toBe(404)
    expect(got.body.toString()).toContain('there is no application app-9')
  })

  test('no answer from the master: 503', async () => {
    const { ask } = await start({
      killApplication: async () => {
        throw new CommandFailed('the master did not answer in time')
      },
    })
    expect((await ask('POST', path)).status).toBe(503)
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
        view: async () => clusterView(),
        killApplication: async () => ({ ok: true, message: '' }),
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
