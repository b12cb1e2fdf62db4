/** Releases whose messages are the same are told apart by the driver's web UI (WIRE 5). */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'

import { ApplicationRegisteredT } from '../../src/schema/magneto.js'
import {
  askForRelease,
  DRIVER_PAGE,
  WORKER_PAGE,
  type ReleasePage,
} from '../../src/spark/release.js'
import { decodeMessage } from '../../src/spark/messages.js'
import { decodeRequest } from '../../src/spark/rpc-request.js'
import { FrameType } from '../../src/spark/frame.js'
import { patientTimers } from '../patient-timers.js'
import { captured, GatewayHarness, MASTER_URL, Queue } from './gateway-harness.js'

const servers: Server[] = []
const host = '127.0.0.1'

// An answer has three seconds.
patientTimers()

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function ui(listener: RequestListener, port = 0): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => {
    server.listen(port, host, resolve)
  })
  // Names and paths of the driver's URL are not used.
  return `http://driver.invalid:${(server.address() as AddressInfo).port}/proxy`
}

function asked(webUiUrl: string, tries: number, page: ReleasePage): Promise<string | null> {
  return new Promise((resolve) => {
    const pausesMs = Array<number>(tries).fill(1)
    askForRelease({ host, webUiUrl, page, pausesMs, onAnswer: resolve })
  })
}

test('the page of a UI that starts, errors and nonsense are asked again', async () => {
  const answers: [number, string][] = [
    [200, '<html>Spark is starting up. Please wait a while until it is ready.</html>'],
    [503, '{"spark":"9.9.9"}'],
    [200, 'null'],
    [200, '{"spark":"<b>"}'],
    [200, 'x'.repeat(100_000)],
    [200, '{ "spark" : "3.4.4" }'],
  ]
  const paths: (string | undefined)[] = []
  const url = await ui((request, response) => {
    paths.push(request.url)
    const [status, text] = answers.shift()!
    response.writeHead(status).end(text)
  })
  expect(await asked(url, answers.length, DRIVER_PAGE)).toBe('3.4.4')
  expect(new Set(paths)).toEqual(new Set(['/api/v1/version']))
  expect(paths).toHaveLength(6)
})

test('who has no UI to ask is not asked, and stopping ends an ask that is under way', async () => {
  const requests = new Queue<() => void>()
  const url = await ui((request) => {
    requests.add(() => undefined)
    request.socket.once('close', () => requests.add(() => undefined))
  })
  const onAnswer = (): void => expect.fail('nobody answered')
  const question = { host, page: DRIVER_PAGE, pausesMs: [0, 0], onAnswer }
  for (const webUiUrl of ['', 'no url', url.replace('http', 'https')]) {
    expect(await asked(webUiUrl, 1, DRIVER_PAGE)).toBeNull()
    askForRelease({ ...question, webUiUrl })()
  }
  const stop = askForRelease({ ...question, webUiUrl: url })
  await requests.next()
  stop()
  await requests.next()
  expect(requests.size).toBe(0)
})

test.each([
  ['3.5 to 4.1', '<span class="version" style="margin-right: 15px;">4.1.4</span>', '4.1.4'],
  ['4.2 and later', '<span class="version me-3">4.3.0</span>', '4.3.0'],
  ['a vendor', '<span class="version">\n3.5.1.vendor-7 </span>', '3.5.1.vendor-7'],
  ['something else', '<span class="versions">4.3.0</span><b>4.3.0</b>', null],
])('the page of a worker of %s tells', async (_which, text, release) => {
  const url = await ui((_request, response) => response.end(`<html>${' '.repeat(3000)}${text}`))
  expect(await asked(url, 2, WORKER_PAGE)).toBe(release)
})

test('a page without end is not read to its end', async () => {
  const url = await ui((_request, response) => {
    const more = (): void => {
      while (response.write('x'.repeat(1000)));
      response.once('drain', more)
    }
    more()
  })
  expect(await asked(url, 1, WORKER_PAGE)).toBeNull()
})

/** The registration of 3.5.9, whose UI is at this port: 3.4.4 writes the same bytes. */
function registration(uiUrl: string): Buffer {
  const frames = captured('client-app-3.5.9')
  const { bytes } = frames.find(({ msg }) => msg === 'RegisterApplication')!
  const changed = Buffer.from(bytes)
  const at = changed.indexOf(':27240')
  expect(at).toBeGreaterThan(0)
  changed.write(`:${new URL(uiUrl).port.padStart(5, '0')}`, at)
  return changed
}

async function register(release: string) {
  const harness = await GatewayHarness.start()
  const url = await ui((_request, response) => {
    response.end(JSON.stringify({ spark: release }))
  })
  const peer = harness.connect()
  await peer.write(registration(url))
  const { session } = await harness.inbox.next()
  await harness.inbox.next()
  harness.send(session, new ApplicationRegisteredT('app-1', MASTER_URL))
  await peer.frames.next()
  return { harness, peer, session }
}

test('a driver of 3.4 that looks like 3.5 is told and turned away', async () => {
  const { harness, peer } = await register('3.4.4')
  const frame = await peer.frames.next()
  if (frame.type !== FrameType.ONE_WAY) expect.fail(`a frame of type ${frame.type}`)
  const { stream } = decodeRequest(frame.body)
  expect(decodeMessage(stream)).toMatchObject({
    className: expect.stringMatching(/ApplicationRemoved$/),
  })
  expect(stream.toString('latin1')).toMatch(
    /this driver is of Spark 3\.4\.4, although its messages look like 3\.5; served are Spark 3\.5, /,
  )
  await peer.closed
  await harness[Symbol.asyncDispose]()
})

test('a driver of any 3.5 stays', async () => {
  const { harness, peer, session } = await register('3.5.1.vendor-7')
  await harness.log.until('release is 3.5.1.vendor-7')
  harness.send(session, new ApplicationRegisteredT('app-2', MASTER_URL))
  const frame = await peer.frames.next()
  if (frame.type !== FrameType.ONE_WAY) expect.fail(`a frame of type ${frame.type}`)
  expect(decodeRequest(frame.body).stream.toString('latin1')).toContain('app-2')
  await harness[Symbol.asyncDispose]()
})
