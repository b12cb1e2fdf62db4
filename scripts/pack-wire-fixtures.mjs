// Packs golden vectors for the tests of src/spark: test/fixtures/wire/*.jsonl.gz.
//   node scripts/pack-wire-fixtures.mjs FOLDER
// With FRAMES below: whole frames of the connections that tests replay, as `frames-<name>-<version>`.
// FOLDER has samples/<version>.jsonl (`name`, `value`, `hex`) and captures/<scenario>/<version>/ with
// the bytes of each connection (*.c2s.bin, *.s2c.bin) and frames.jsonl, which says what they are.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const OUTPUT = new URL('../test/fixtures/wire/', import.meta.url)

const FRAME_HEADER_BYTES = 9
/** RpcRequest, RpcResponse and OneWayMessage. */
const TYPES_WITH_STREAM = new Set([3, 4, 9])
const STREAM_START = Buffer.from('aced0005', 'hex')

function readLines(path) {
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line))
}

function writeLines(name, rows) {
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  writeFileSync(new URL(`${name}.jsonl.gz`, OUTPUT), gzipSync(text, { level: 9 }))
}

/** @returns the Java stream of a frame, or null when it has none */
function streamOf(frame) {
  if (!TYPES_WITH_STREAM.has(frame[FRAME_HEADER_BYTES - 1])) return null
  const at = frame.indexOf(STREAM_START, FRAME_HEADER_BYTES)
  return at === -1 ? null : frame.subarray(at)
}

function packCapture(folder) {
  const rows = []
  for (const event of readLines(join(folder, 'frames.jsonl'))) {
    const path = join(folder, `${event.conn}.${event.dir}.bin`)
    if (event.off === undefined || event.len === undefined || !existsSync(path)) continue
    const frame = readFileSync(path).subarray(event.off, event.off + event.len)
    if (frame.length <= FRAME_HEADER_BYTES) continue
    const stream = streamOf(frame)
    if (stream === null) continue
    const { conn, dir, msg, replyTo, fields, value, error } = event
    const hex = stream.toString('hex')
    rows.push({
      connection: conn,
      direction: dir,
      message: msg,
      replyTo,
      fields,
      value,
      error,
      hex,
    })
  }
  return rows
}

/** What tests replay against the gateway: scenario, and its connections to a Master. */
const FRAMES = {
  'worker-app': ['a-worker-register-heartbeat', /to_master/],
  'worker-resources': ['c-resources-dynalloc', /to_master/],
  'worker-drivers': ['d-cluster-submit', /to_master/],
  'worker-decommission': ['g-decommission', /to_master/],
  standby: ['e-errors', /to_standby-master/],
}
/** Of one connection; the rest says nothing new. */
const MAX_HEARTBEATS = 3

function packFrames(folder, connections) {
  const heartbeats = new Map()
  const rows = []
  for (const event of readLines(join(folder, 'frames.jsonl'))) {
    const { conn, dir, type, endpoint, msg, replyTo, value, error, fields } = event
    if (!connections.test(conn) || !(event.len > 0)) continue
    if (msg?.endsWith('Heartbeat')) {
      heartbeats.set(conn, (heartbeats.get(conn) ?? 0) + 1)
      if (heartbeats.get(conn) > MAX_HEARTBEATS) continue
    }
    const file = readFileSync(join(folder, `${conn}.${dir}.bin`))
    const bytes = file.subarray(event.off, event.off + event.len)
    const frame = {
      connection: conn,
      direction: dir,
      type,
      endpoint,
      msg: msg?.replace(/^.*\$(?=.)/, ''),
    }
    // JSON has rounded it.
    const reqId =
      event.reqId === undefined ? undefined : `${bytes.readBigInt64BE(FRAME_HEADER_BYTES)}`
    rows.push({ ...frame, reqId, replyTo, value, error, fields, hex: bytes.toString('hex') })
  }
  return rows
}

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  console.error('usage: node scripts/pack-wire-fixtures.mjs FOLDER')
  process.exit(1)
}
mkdirSync(OUTPUT, { recursive: true })
for (const file of readdirSync(join(folder, 'samples'))) {
  writeLines(
    `samples-${file.replace('.jsonl', '')}`,
    readLines(join(folder, 'samples', file)).map(({ name, value, hex }) => ({ name, value, hex })),
  )
}
for (const scenario of readdirSync(join(folder, 'captures'))) {
  for (const version of readdirSync(join(folder, 'captures', scenario))) {
    const rows = packCapture(join(folder, 'captures', scenario, version))
    if (rows.length > 0) writeLines(`capture-${scenario}-${version}`, rows)
  }
}
for (const [name, [scenario, connections]] of Object.entries(FRAMES)) {
  for (const version of readdirSync(join(folder, 'captures', scenario))) {
    const rows = packFrames(join(folder, 'captures', scenario, version), connections)
    writeLines(`frames-${name}-${version}`, rows)
  }
}
