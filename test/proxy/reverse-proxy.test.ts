/** U18, P47: a proxy between real sockets. */
import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'

import {
  atOnceOfPeerMax,
  requestBodyBytesMax,
  ReverseProxy,
  type ReverseProxyOptions,
} from '../../src/proxy/reverse-proxy.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** @returns the URL of a server with a proxy, which says "other" to what is not the proxy's */
async function proxying(
  addresses: Record<string, string>,
  changes: Partial<ReverseProxyOptions> = {},
): Promise<string> {
  const proxy = new ReverseProxy({
    find: async (id) => {
      const address = addresses[id]
      return address === undefined ? null : { address, authorization: null }
    },
    frontUrl: null,
    ...changes,
  })
  return listening((request, response) => {
    void proxy.serve(request, response).then((taken) => taken || response.end('other'))
  })
}

interface Seen {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** One request as it is written here: fetch would follow redirects and hide headers. */
function ask(
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: Partial<Record<'method' | 'body', string>> & {
    headers?: Record<string, string>
  } = {},
): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => {
        const text = Buffer.concat(parts).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      })
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}

test('U18: a page of a worker, with its query, status and headers', async () => {
  const peer = await listening((request, response) => {
    response.writeHead(418, { 'X-Mine': 'yes', 'Content-Type': 'text/plain' })
    response.end(`${request.method} ${request.url}`)
  })
  const url = await proxying({ 'worker-1': peer })
  const seen = await ask(`${url}/proxy/worker-1/log?self&logType=out`)
  expect(seen).toMatchObject({ status: 418, text: 'GET /log?self&logType=out' })
  expect(seen.headers['x-mine']).toBe('yes')
  expect((await ask(`${url}/json/`)).text).toBe('other')
})

test('U18: who is not known has no address, whatever is asked for', async () => {
  const url = await proxying({})
  for (const id of ['app-9', '127.0.0.1', 'http:%2F%2F127.0.0.1', '__proto__x']) {
    const seen = await ask(`${url}/proxy/${id}/x`)
    expect(seen.status).toBe(404)
    expect(seen.text).toContain('no worker or application')
  }
})

test('U18: the slash after the id is put in, so that relative links work', async () => {
  const url = await proxying({})
  const seen = await ask(`${url}/proxy/worker-1`)
  expect(seen).toMatchObject({ status: 302, headers: { location: '/proxy/worker-1/' } })
  const behind = await proxying({}, { frontUrl: 'https://front.example/spark/' })
  const { headers } = await ask(`${behind}/proxy/worker-1`)
  expect(headers.location).toBe('/spark/proxy/worker-1/')
})

test('U18: redirects of the peer lead back through the proxy', async () => {
  const peer: string = await listening((_request, response) => {
    response.writeHead(302, { Location: `${peer}/jobs/` }).end()
  })
  const url = await proxying({ app: peer })
  expect((await ask(`${url}/proxy/app/`)).headers.location).toBe('/proxy/app/jobs/')
})

test('U18: headers of one connection, and secrets of the visitor, do not pass', async () => {
  const heard: IncomingHttpHeaders[] = []
  const peer = await listening((request, response) => {
    heard.push(request.headers)
    response.writeHead(200, {
      'Set-Cookie': 'a=b',
      Server: 'Jetty',
      'Proxy-Authenticate': 'Basic',
      'Keep-Alive': 'timeout=99',
    })
    response.end('x')
  })
  const url = await proxying({ app: peer })
  const seen = await ask(`${url}/proxy/app/`, {
    headers: {
      Cookie: 'session=1',
      Authorization: 'Bearer x',
      Connection: 'close, X-Hop',
      'X-Hop': '1',
      TE: 'trailers',
      'X-Kept': 'yes',
      'X-Forwarded-For': '10.0.0.1',
    },
  })
  for (const name of ['set-cookie', 'server', 'proxy-authenticate']) {
    expect(seen.headers[name]).toBeUndefined()
  }
  const [headers = {}] = heard
  for (const name of ['cookie', 'authorization', 'x-hop', 'te']) {
    expect(headers[name]).toBeUndefined()
  }
  expect(headers).toMatchObject({
    host: new URL(peer).host,
    'x-kept': 'yes',
    'x-forwarded-for': '10.0.0.1, 127.0.0.1',
    'x-forwarded-host': new URL(url).host,
    'x-forwarded-proto': 'http',
    'x-forwarded-context': '/proxy/app',
  })
})

test('U18: an answer is streamed as it comes', async () => {
  let finish = (): void => {}
  const peer = await listening((_request, response) => {
    response.write('first')
    finish = () => response.end('last')
  })
  const url = await proxying({ app: peer })
  const response = await fetch(`${url}/proxy/app/`)
  const reader = response.body!.getReader()
  // The peer has not ended yet.
  expect(String(Buffer.from((await reader.read()).value ?? []))).toBe('first')
  finish()
  expect(String(Buffer.from((await reader.read()).value ?? []))).toBe('last')
  expect((await reader.read()).done).toBe(true)
})

test('U18: a visitor that leaves ends the request to the peer', async () => {
  let left = (): void => {}
  const gone = new Promise<void>((resolve) => (left = resolve))
  const peer = await listening((_request, response) => {
    response.on('close', left)
    response.write('first')
  })
  const url = await proxying({ app: peer })
  const aborter = new AbortController()
  const response = await fetch(`${url}/proxy/app/`, { signal: aborter.signal })
  await response.body!.getReader().read()
  aborter.abort()
  await gone
})

test('U18: a POST with its body passes, but not from another site', async () => {
  const peer = await listening((request, response) => void request.pipe(response))
  const url = await proxying({ app: peer })
  const body = 'id=3&terminate=true'
  expect(await ask(`${url}/proxy/app/kill`, { method: 'POST', body })).toMatchObject({
    status: 200,
    text: body,
  })
  const foreign = { 'Sec-Fetch-Site': 'cross-site' }
  const refused = await ask(`${url}/proxy/app/kill`, { method: 'POST', body, headers: foreign })
  expect(refused.status).toBe(403)
  const long = { 'Content-Length': String(requestBodyBytesMax + 1) }
  const tooLong = ask(`${url}/proxy/app/kill`, { method: 'POST', headers: long })
  expect((await tooLong).status).toBe(413)
  expect((await ask(`${url}/proxy/app/`, { method: 'DELETE' })).status).toBe(405)
})

test('U18: a peer that is not there, is silent or has no pages', async () => {
  const silent = await listening(() => {})
  const gone = await listening(() => {})
  const server = servers.pop()
  server?.close()
  const impatient = await proxying({ silent }, { silenceMs: 50 })
  const url = await proxying({ gone, none: 'nothing' })
  const a = await ask(`${impatient}/proxy/silent/`)
  const b = await ask(`${url}/proxy/gone/`)
  const c = await ask(`${url}/proxy/none/`)
  expect(a).toMatchObject({ status: 504, text: expect.stringContaining('did not answer') })
  expect(b).toMatchObject({ status: 502, text: expect.stringContaining('ECONNREFUSED') })
  expect(c).toMatchObject({ status: 502, text: expect.stringContaining('no http URL') })
})

test('U18: a peer that breaks off in the middle breaks off here', async () => {
  const peer = await listening((request, response) => {
    response.writeHead(200, { 'Content-Length': '100' })
    response.write('some')
    request.socket.end()
  })
  const url = await proxying({ app: peer })
  await expect(ask(`${url}/proxy/app/`)).rejects.toThrow('aborted')
})

test('U18: an address that leads back to this master is ended', async () => {
  const addresses: Record<string, string> = {}
  const url = await proxying(addresses)
  addresses['app'] = `${url}/proxy/app/`
  const seen = await ask(`${url}/proxy/app/x`)
  expect(seen).toMatchObject({ status: 508, text: expect.stringContaining('leads back') })
})

test('U18: one peer that hangs takes a bounded number of requests, and others go on', async () => {
  let waiting = 0
  let release = (): void => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  let full = (): void => {}
  const allCame = new Promise<void>((resolve) => (full = resolve))
  const hangs = await listening((_request, response) => {
    waiting += 1
    if (waiting === atOnceOfPeerMax) full()
    void released.then(() => response.end('at last'))
  })
  const well = await listening((_request, response) => response.end('well'))
  const url = await proxying({ hangs, well })
  const first = Array.from({ length: atOnceOfPeerMax }, () => ask(`${url}/proxy/hangs/`))
  await allCame
  expect(await ask(`${url}/proxy/hangs/`)).toMatchObject({
    status: 503,
    headers: { 'retry-after': '1' },
  })
  expect((await ask(`${url}/proxy/well/`)).text).toBe('well')
  release()
  for (const seen of await Promise.all(first)) expect(seen.text).toBe('at last')
  expect((await ask(`${url}/proxy/hangs/`)).text).toBe('at last')
})

test('U18: 503 while nobody can say where it is', async () => {
  const url = await proxying({}, { find: () => Promise.reject(new Error('no view')) })
  expect(await ask(`${url}/proxy/app/`)).toMatchObject({ status: 503 })
})
