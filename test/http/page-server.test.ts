/** U19, P51, P53, X3: what a server of pages does with every request, over real sockets. */
import { connect } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { page, plain } from '../../src/http/answer.js'
import { PageServer, type PageServerOptions } from '../../src/http/page-server.js'
import type { Request } from '../../src/http/route.js'
import { usualHeaders } from '../../src/http/security-headers.js'
import {
  canMakeCertificates,
  makeCertificates,
  type Certificates,
} from '../security/certificates.js'
import { ask } from './ask.js'

const running: PageServer[] = []
const faults: Error[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
  faults.splice(0)
})

async function start(change: Partial<PageServerOptions> = {}) {
  const asked: Request[] = []
  const server = new PageServer({
    what: 'the web UI',
    portKey: 'spark.master.ui.port',
    daemon: 'master',
    host: '127.0.0.1',
    port: 0,
    maxRetries: 0,
    answer: async (request) => {
      asked.push(request)
      return page('x'.repeat(5000))
    },
    onFault: (error) => faults.push(error),
    ...change,
  })
  running.push(server)
  const port = await server.listen()
  return { server, asked, port }
}

describe('P53: a page that fails', () => {
  const failing = async () => {
    throw new TypeError('broken <b>\r\nhere')
  }

  test('shows where, on lines that nobody can forge, when it is asked to', async () => {
    const { port } = await start({ answer: failing, showErrorStacks: true })
    const { status, headers, body } = await ask(port, '/')
    expect(status).toBe(500)
    expect(headers['content-type']).toBe('text/plain;charset=utf-8')
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(body.toString()).toMatch(/^500 .*the log of the master says why\n\nTypeError: broken/)
    expect(body.toString()).toContain('page-server.test')
    expect(faults).toHaveLength(1)
  })

  test('says nothing else', async () => {
    const { port } = await start({ answer: failing, showErrorStacks: false })
    const { body } = await ask(port, '/')
    expect(body.toString()).toBe(
      '500 Internal Server Error: the page failed; the log of the master says why\n',
    )
  })
})

describe('X3: the gate', () => {
  const gate: PageServerOptions['gate'] = {
    admit: async ({ headers }) =>
      headers.authorization === undefined
        ? { refusal: plain(403, 'who are you?') }
        : { visitor: { user: headers.authorization, mayModify: async () => true } },
  }

  test('comes before everything, also what is streamed', async () => {
    const streamed: unknown[] = []
    const { port, asked } = await start({
      gate,
      streamed: async (request, response, visitor) => {
        streamed.push(visitor?.user)
        if (request.url !== '/proxy/x/') return false
        response.end('streamed')
        return true
      },
    })
    for (const path of ['/', '/proxy/x/', '/static/x.js', '/metrics/json', '/nowhere'])
      expect((await ask(port, path)).status).toBe(403)
    expect((await ask(port, '/', { method: 'POST', body: 'id=1' })).status).toBe(403)
    expect([streamed, asked]).toEqual([[], []])
    const headers = { Authorization: 'ann' }
    expect((await ask(port, '/proxy/x/', { headers })).body.toString()).toBe('streamed')
    await ask(port, '/', { headers })
    expect(asked.map(({ visitor }) => visitor?.user)).toEqual(['ann'])
    expect(streamed).toEqual(['ann', 'ann'])
  })

  test('has judged by the query: doAs in a form is refused', async () => {
    const { port, asked } = await start()
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const got = await ask(port, '/app/kill/', { method: 'POST', headers, body: 'id=1&doAs=root' })
    expect([got.status, asked]).toEqual([400, []])
  })
})

test('U19: gzip with its length, and no name of the server', async () => {
  const { port } = await start()
  const got = await ask(port, '/', { headers: { 'Accept-Encoding': 'gzip' } })
  expect(got.headers['content-encoding']).toBe('gzip')
  expect(Number(got.headers['content-length'])).toBe(got.body.byteLength)
  expect(gunzipSync(got.body).toString()).toBe('x'.repeat(5000))
  expect(got.headers.server ?? got.headers['x-powered-by']).toBeUndefined()
})

describe.skipIf(!canMakeCertificates)('P56, U19: TLS', () => {
  let made: Certificates
  let key = ''
  let cert = ''
  let ca = ''
  beforeAll(async () => {
    made = await makeCertificates()
    ;({ key, cert, ca } = await made.texts())
  })
  afterAll(() => made.remove())

  const identity = (change: object = {}) => ({
    key,
    cert,
    versions: null,
    ciphers: null,
    clientAuthorities: null,
    ...change,
  })

  test('the pages are on a port of their own, to which the other one leads', async () => {
    const { server, port } = await start({
      secure: { identity: identity(), port: 0 },
      headers: { ...usualHeaders, strictTransportSecurity: 'max-age=1' },
    })
    const securePort = server.securePort!
    const led = await ask(port, '/app/?appId=1')
    expect([led.status, led.headers.location]).toEqual([
      302,
      `https://127.0.0.1:${securePort}/app/?appId=1`,
    ])
    expect(led.headers['strict-transport-security']).toBeUndefined()
    const got = await ask(securePort, '/', { tls: { ca } })
    expect([got.status, got.headers['strict-transport-security']]).toEqual([200, 'max-age=1'])
    expect(got.body.toString()).toBe('x'.repeat(5000))
  })

  test('without a port of its own it is 400 above the other one', async () => {
    // A port that is free now, and so most likely 400 above too.
    const { server: first, port } = await start()
    await first.close()
    const { server } = await start({
      port,
      maxRetries: 16,
      secure: { identity: identity(), port: null },
    })
    const wanted = ((port - 1024 + 400) % (65536 - 1024)) + 1024
    expect(server.securePort).toBeGreaterThanOrEqual(wanted)
    expect(server.securePort).toBeLessThanOrEqual(wanted + 16)
  })

  test('needClientAuth: nobody without a certificate, nobody with one that nobody vouches for', async () => {
    const { server } = await start({
      secure: { identity: identity({ clientAuthorities: [ca] }), port: 0 },
    })
    const port = server.securePort!
    await expect(ask(port, '/', { tls: { ca } })).rejects.toThrow()
    expect((await ask(port, '/', { tls: { ca, key, cert } })).status).toBe(200)
  })

  test('a protocol that is asked for is the only one', async () => {
    const versions = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' }
    const { server } = await start({ secure: { identity: identity({ versions }), port: 0 } })
    const older = { ca, maxVersion: 'TLSv1.2' as const }
    await expect(ask(server.securePort!, '/', { tls: older })).rejects.toThrow(
      /protocol version|EPROTO/,
    )
    expect((await ask(server.securePort!, '/', { tls: { ca } })).status).toBe(200)
  })

  test('who speaks no TLS there does no harm', async () => {
    const { server } = await start({ secure: { identity: identity(), port: 0 } })
    const socket = connect(server.securePort!, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\n\r\n')
    await new Promise((resolve) => socket.once('close', resolve))
    expect((await ask(server.securePort!, '/', { tls: { ca } })).status).toBe(200)
    expect(faults).toEqual([])
  })

  test('who has not even begun to speak does not hold up the end', async () => {
    const { server } = await start({ secure: { identity: identity(), port: 0 } })
    const socket = connect(server.securePort!, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    const gone = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    await server.close()
    await gone
  })

  test('a port that can not be had is a clear error, and nothing is left', async () => {
    const { port } = await start()
    const options = { secure: { identity: identity(), port } }
    await expect(start(options)).rejects.toThrow(
      `the web UI over TLS can't listen on 127.0.0.1, port ${port}: EADDRINUSE; free a port, or set spark.ssl.standalone.port`,
    )
    await expect(start({ port, secure: { identity: identity(), port: 0 } })).rejects.toThrow(
      `the web UI can't listen on 127.0.0.1, port ${port}`,
    )
  })
})
