/** What comes back from a store is checked before anything of it is trusted (Y10). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Builder } from 'flatbuffers'
import { describe, expect, test } from 'vitest'

import { encodeApplication, encodeDriver } from '../../src/control/codec.js'
import type { FieldType, Table } from '../../src/control/shapes.js'
import {
  ApplicationDescriptionT,
  ApplicationRecordT,
  Command,
  CompletedApplicationRecordT,
  CompletedDriverRecordT,
  CountersRecordT,
  DriverDescriptionT,
  DriverRecordT,
  JvmCommandT,
  NodeCommandT,
  PastExecutorT,
  ProfileTargetT,
  RecordT,
  RegisterWorkerT,
  ResourceProfileT,
  TargetsRecordT,
  Value,
  WorkerRecordT,
} from '../../src/schema/magneto.js'
import {
  DAMAGED_PREFIX,
  MAX_DAMAGED_RECORDS,
  RECORD_VERSION,
  checkRecords,
  setAside,
  type Migration,
} from '../../src/store/records.js'
import { record as recordShape, values } from '../../src/store/shapes.js'

const worker = new WorkerRecordT(
  new RegisterWorkerT('w', 'h', 1, 1, 1, null, [], ['node'], null, 'Worker'),
)

function pack(record: RecordT, identifier = 'MGS1'): Uint8Array {
  const builder = new Builder()
  builder.finish(record.pack(builder), identifier)
  return builder.asUint8Array().slice()
}

const workerAt = (key: string, version = RECORD_VERSION): Uint8Array =>
  pack(new RecordT(key, version, Value.WorkerRecord, worker))

function applicationBytes(): Uint8Array {
  const profile = new ResourceProfileT(0, 1, 512, [])
  const command = new NodeCommandT('/pi.js', [], [], [])
  return encodeApplication(
    new ApplicationDescriptionT(
      'a',
      'me',
      null,
      1,
      null,
      profile,
      Command.NodeCommand,
      command,
      'n',
    ),
  )
}

const everyKind: [string, Value, RecordT['value']][] = [
  ['worker_w', Value.WorkerRecord, worker],
  ['app_a', Value.ApplicationRecord, new ApplicationRecordT('a', applicationBytes())],
  [
    'driver_d',
    Value.DriverRecord,
    new DriverRecordT(
      'd',
      encodeDriver(new DriverDescriptionT('j', 1, 1, false, new JvmCommandT('M'), [], ['x'])),
    ),
  ],
  [
    'targets_a',
    Value.TargetsRecord,
    new TargetsRecordT('a', [new ProfileTargetT(new ResourceProfileT(1, 1, 1, []), 3)]),
  ],
  ['counters', Value.CountersRecord, new CountersRecordT(7n, 8n, 9n)],
  [
    'completed_app_a',
    Value.CompletedApplicationRecord,
    new CompletedApplicationRecordT('a', 'n', 'me', null, 2, 1n, 2n, 3n, 4, 5, 6, [
      new PastExecutorT(1, 'w'),
    ]),
  ],
  ['completed_driver_d', Value.CompletedDriverRecord, new CompletedDriverRecordT('d', 'M')],
]

describe('records that come back', () => {
  test.each(everyKind)('H1, H11: %s is taken up as it is', (key, kind, value) => {
    const stored = { key, record: pack(new RecordT(key, RECORD_VERSION, kind, value)) }
    expect(checkRecords([stored])).toEqual({ good: [stored], damaged: [] })
  })

  test.each<[string, string, Uint8Array, RegExp]>([
    ['nothing', 'worker_w', new Uint8Array(), /a store record of 0 bytes is too short/],
    ['noise', 'worker_w', new Uint8Array(64).fill(7), /expected identifier MGS1/],
    ['a message', 'worker_w', pack(new RecordT('worker_w', 1, 1, worker), 'MGC1'), /got "MGC1"/],
    ["another's", 'worker_x', workerAt('worker_w'), /its key is "worker_w"/],
    ['an impostor', 'worker_x', workerAt('worker_x'), /belongs under "worker_w"/],
    [
      'a newer one',
      'worker_w',
      workerAt('worker_w', 9),
      /version is 9, this release reads up to 1/,
    ],
    ['version 0', 'worker_w', workerAt('worker_w', 0), /nothing is known of its version 0/],
  ])('Y10: %s is set aside with its reason', (_name, key, record, reason) => {
    const good = { key: 'worker_w', record: workerAt('worker_w') }
    const { good: kept, damaged } = checkRecords([{ key, record }, good])
    expect(kept).toEqual([good])
    expect(damaged).toEqual([{ key, record, reason: expect.stringMatching(reason) as string }])
  })

  test('Y10: a record that is cut off anywhere is set aside', () => {
    const record = workerAt('worker_w')
    for (let length = 0; length < record.byteLength - 1; length += 1) {
      const cut = { key: 'worker_w', record: record.subarray(0, length) }
      const { good, damaged } = checkRecords([cut])
      // Only the padding at the end may be missing.
      if (good.length > 0) expect(record.subarray(length).every((byte) => byte === 0)).toBe(true)
      else expect(damaged).toHaveLength(1)
    }
  })

  test('Y10: a record with any bit turned is read or set aside, and never throws', () => {
    const record = workerAt('worker_w')
    for (let bit = 0; bit < record.byteLength * 8; bit += 1) {
      const turned = record.slice()
      turned[bit >> 3]! ^= 1 << (bit & 7)
      const { good, damaged } = checkRecords([{ key: 'worker_w', record: turned }])
      expect(good.length + damaged.length).toBe(1)
    }
  })

  test('of older versions are brought up step by step', () => {
    const migration: Migration = {
      version: 3,
      steps: new Map([
        [1, () => workerAt('worker_w', 2)],
        [2, () => workerAt('worker_w', 3)],
      ]),
    }
    const old = { key: 'worker_w', record: workerAt('worker_w', 1) }
    const { good } = checkRecords([old], migration)
    expect(good).toEqual([{ key: 'worker_w', record: workerAt('worker_w', 3) }])
    const broken: Migration = { version: 2, steps: new Map([[1, () => new Uint8Array(3)]]) }
    expect(checkRecords([old], broken).damaged).toHaveLength(1)
  })
})

describe('what is set aside', () => {
  test('is kept under another key, and forgotten under its own', () => {
    const record = new Uint8Array([1])
    expect(setAside([{ key: 'app_a', record }])).toEqual([
      { key: `${DAMAGED_PREFIX}app_a`, record },
      { key: 'app_a', record: null },
    ])
  })

  test('is bounded: the oldest are only forgotten', () => {
    const all = Array.from({ length: MAX_DAMAGED_RECORDS + 3 }, (_, at) => ({
      key: `app_${at}`,
      record: new Uint8Array(),
    }))
    const changes = setAside(all)
    const kept = changes.filter(({ record }) => record !== null)
    expect(kept).toHaveLength(MAX_DAMAGED_RECORDS)
    expect(kept[0]?.key).toBe(`${DAMAGED_PREFIX}app_3`)
    expect(changes.filter(({ record }) => record === null)).toHaveLength(all.length)
  })
})

describe('shapes', () => {
  const schema = readFileSync(join(import.meta.dirname, '../../schemas/store.fbs'), 'utf8')
  const kinds: Record<string, string> = {
    bool: 'scalar 1',
    ubyte: 'scalar 1',
    ushort: 'scalar 2',
    uint: 'scalar 4',
    int: 'scalar 4',
    long: 'scalar 8',
    ulong: 'scalar 8',
    string: 'string',
    '[string]': 'strings',
    '[ubyte]': 'scalars 1',
    'magneto.control.ExecutorState': 'scalar 1',
    'magneto.control.DriverState': 'scalar 1',
  }

  /** Fields in the order of their slots as the schema has them, `!` for required, with their types. */
  function fieldsOf(name: string): string[] {
    const body = new RegExp(`\\btable ${name} \\{([^}]*)\\}`).exec(schema)?.[1] ?? ''
    return body
      .replaceAll(/\/\/.*$/gm, '')
      .split(';')
      .map((field) => /^\s*(\w+)\s*:\s*([^\s=(]+)(.*)$/s.exec(field))
      .filter((match) => match !== null)
      .flatMap(([, field, type, rest]) => {
        const must = rest!.includes('required') ? '!' : ''
        if (type === 'Value') return [`${field}_type scalar 1`, `${field}${must} union`]
        const nested = /nested_flatbuffer: "([^"]+)"/.exec(rest!)?.[1]
        if (nested !== undefined) return [`${field}${must} nested ${bare(nested)}`]
        const many = /^\[(.*)\]$/.exec(type!)?.[1]
        const known = kinds[type!]
        if (known !== undefined) return [`${field}${must} ${known}`]
        return [`${field}${must} ${many === undefined ? 'table' : 'tables'} ${bare(many ?? type!)}`]
      })
  }

  const bare = (name: string): string => name.replace(/^.*\./, '')

  function shown(type: FieldType): string {
    if (type.kind === 'scalar' || type.kind === 'scalars') return `${type.kind} ${type.bytes}`
    if (type.kind === 'table' || type.kind === 'tables' || type.kind === 'nested')
      return `${type.kind} ${type.table().name}`
    return type.kind
  }

  const past = values
    .flatMap(({ fields }) => fields)
    .flatMap(({ type }) => (type.kind === 'tables' ? [type.table()] : []))
    .find(({ name }) => name === 'PastExecutor')

  test.each([...values, recordShape, past!])('$name is what the schema says', (table: Table) => {
    const fields = table.fields.map(
      ({ name, type, required }) => `${name}${required ? '!' : ''} ${shown(type)}`,
    )
    expect(fields).toEqual(fieldsOf(table.name))
    expect(fields.length).toBeGreaterThan(0)
  })

  test('every kind of value is there, in the order of the union', () => {
    const union = /union Value \{([^}]*)\}/.exec(schema)?.[1] ?? ''
    expect(values.map(({ name }) => name)).toEqual(union.split(',').map((name) => name.trim()))
    expect(everyKind.map(([, kind]) => Value[kind])).toEqual(values.map(({ name }) => name))
  })
})
