import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  ControlError,
  decode,
  decodeApplication,
  decodeDriver,
  encode,
  encodeApplication,
  encodeDriver,
  encodeDriverShared,
  encodeShared,
  sparkDescriptionOf,
  type BodyT,
} from '../../src/control/codec.js'
import {
  applicationDescription,
  bodies,
  driverDescription,
  type Table,
} from '../../src/control/shapes.js'
import * as s from '../../src/schema/magneto.js'

const profile = (): s.ResourceProfileT =>
  new s.ResourceProfileT(1, 2, 1024, [new s.ResourceAmountT('gpu', 2)])
const node = new s.NodeCommandT('/m.js', ['--a', 'ü'], [new s.PropertyT('K', 'V')], ['--x'])
const jvm = new s.JvmCommandT(
  'Main',
  ['1'],
  [new s.PropertyT('A', 'B')],
  ['c'],
  ['l'],
  ['j'],
  '4.3',
)
const application = (command: s.NodeCommandT | s.JvmCommandT): s.ApplicationDescriptionT =>
  new s.ApplicationDescriptionT(
    'name',
    'user',
    'http://ui',
    4,
    null,
    profile(),
    command instanceof s.NodeCommandT ? s.Command.NodeCommand : s.Command.JvmCommand,
    command,
    'node',
  )
const bytes = encodeApplication(application(node))
const driver = (): s.DriverDescriptionT =>
  new s.DriverDescriptionT(
    'http://h/a.jar',
    512,
    2,
    true,
    jvm,
    [new s.ResourceAmountT('gpu', 1)],
    ['spark-4.3-driver'],
    new Uint8Array([0xac, 0xed]),
  )
const driverBytes = encodeDriver(driver())
const java = new Uint8Array([0xac, 0xed, 0, 5])
const resource = new s.ResourceT('gpu', ['0', '1'])
const executor = new s.ExecutorDescriptionT('app', 1, 2, 3, 4, s.ExecutorState.EXITED)

const messages: BodyT[] = [
  new s.RegisterWorkerT('w', 'h', 65535, 4, 2 ** 32 - 1, 'http://w', [resource], ['node'], 'ill'),
  new s.WorkerHeartbeatT('w'),
  new s.WorkerLatestStateT('w', [executor, executor], ['d1', 'd2']),
  new s.ExecutorStateChangedT(7, 'app', 1, s.ExecutorState.FAILED, 'why', -1),
  new s.WorkerRegisteredT('spark://m:1', 'http://m', true, 60_000),
  new s.RegisterWorkerFailedT('no'),
  new s.ReconnectWorkerT('spark://m:1'),
  new s.LaunchExecutorT('spark://m:1', 'app', 1, 2, 3, 4, [resource], bytes, java),
  new s.KillExecutorT('spark://m:1', 'app', 3),
  new s.ApplicationFinishedT('app'),
  new s.RegisterApplicationT(bytes, 'h:1', java),
  new s.UnregisterApplicationT('app'),
  new s.RequestExecutorsT(1, 'app', [new s.ProfileTargetT(profile(), 9)]),
  new s.KillExecutorsT(1, 'app', ['1', '2']),
  new s.ApplicationRegisteredT('app', 'spark://m:1'),
  new s.ExecutorAddedT(1, 'w', 'h', 2, 3, 4),
  new s.ExecutorUpdatedT(1, s.ExecutorState.LOST, 'gone', 137, 'h'),
  new s.WorkerRemovedT('w', 'h', 'dead'),
  new s.ApplicationRemovedT('bye'),
  new s.ReplyT(4, false, 'because', 'driver-1', 3),
  new s.RefusedT('never'),
  new s.KillApplicationT(5, 'app'),
  new s.DriverStateChangedT('d', s.DriverState.ERROR, 'broken', 4),
  new s.LaunchDriverT('d', driverBytes, [resource]),
  new s.KillDriverT('d'),
  new s.RequestSubmitDriverT(6, driverBytes),
  new s.RequestKillDriverT(7, 'd'),
  new s.RequestKillAllDriversT(8),
  new s.RequestDriverStatusT(9, 'd'),
  new s.DriverStatusResponseT(9, true, s.DriverState.RUNNING, 'w', 'h:1', 'broken'),
  new s.RequestClearCompletedDriversAndAppsT(10),
  new s.RequestReadyzT(11),
  new s.DecommissionWorkersOnHostsT(12, ['h', 'H2']),
  new s.WorkerDecommissioningT('w'),
  new s.DecommissionWorkerT(),
  new s.MasterInStandbyT('spark://h:1', 'http://h:2', 7),
  new s.WorkerHealthT('w', true, 'the disk is full'),
  new s.MasterChangedT('spark://h:1', 'http://h:2', 7),
  new s.WorkerSchedulerStateResponseT(
    'w',
    [
      new s.WorkerExecutorStateResponseT(
        new s.ExecutorDescriptionT('app', 1, 0, 2, 512, s.ExecutorState.RUNNING),
        [resource],
      ),
    ],
    [new s.WorkerDriverStateResponseT('d', [resource])],
  ),
  new s.MasterChangeAcknowledgedT('app', ['1', '7']),
]

describe('codec', () => {
  test('the list below holds every member of Body', () => {
    expect(messages.map((body) => body.constructor.name)).toEqual(
      Object.keys(s.Body)
        .filter((name) => !/^\d+$|^NONE$/.test(name))
        .map((name) => `${name}T`),
    )
  })

  test.each(messages.map((body) => [body.constructor.name, body] as const))(
    '%s round trips',
    (_name, body) => {
      expect(decode(encode(body))).toEqual(body)
    },
  )

  test('a driver round trips; bytes that are none are refused', () => {
    expect(decodeDriver(encodeDriver(driver()))).toEqual(driver())
    expect(() => decodeDriver(driverBytes.subarray(0, 20))).toThrow(ControlError)
  })

  test('what Spark wrote of a driver is read alone; empty when it wrote nothing', () => {
    expect(sparkDescriptionOf(driverBytes)).toEqual(driver().sparkDescription)
    const plain = driver()
    plain.sparkDescription = new Uint8Array()
    expect(sparkDescriptionOf(encodeDriver(plain))).toEqual(new Uint8Array())
    expect(() => sparkDescriptionOf(driverBytes.subarray(0, 20))).toThrow(ControlError)
  })

  test.each([node, jvm])('an application round trips', (command) => {
    expect(decodeApplication(encodeApplication(application(command)))).toEqual(application(command))
  })

  test('a shared message is whole until the next one, a description in it as well; others have bytes of their own', () => {
    const own = encode(new s.WorkerHeartbeatT('w'))
    const submitted = new s.RequestSubmitDriverT(1, encodeDriverShared(driver()))
    const shared = encodeShared(submitted)
    expect(decode(shared)).toEqual(new s.RequestSubmitDriverT(1, encodeDriver(driver())))
    expect(encodeShared(new s.WorkerHeartbeatT('v')).buffer).toBe(shared.buffer)
    expect(decode(own)).toEqual(new s.WorkerHeartbeatT('w'))
  })

  test('a missing required field is refused before it is sent', () => {
    expect(() => encode(new s.RegisterApplicationT(bytes, 'x'))).not.toThrow()
    expect(() => encode(new s.WorkerHeartbeatT(null))).toThrow(ControlError)
    // The builder is whole again afterwards.
    expect(decode(encode(new s.WorkerHeartbeatT('w')))).toEqual(new s.WorkerHeartbeatT('w'))
  })
})

describe('malformed bytes', () => {
  test.each(messages.map((body) => [body.constructor.name, body] as const))(
    '%s, damaged anywhere, is read or refused, never more',
    (_name, body) => {
      const good = encode(body)
      for (let at = 0; at < good.byteLength; at += 1) {
        for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
          const bad = good.slice()
          bad[at] = value
          try {
            decode(bad)
          } catch (error) {
            expect(error).toBeInstanceOf(ControlError)
          }
        }
      }
    },
  )

  test('every cut of a message is refused or reads the same', () => {
    const good = encode(messages[10]!)
    for (let length = 0; length < good.byteLength - 8; length += 1)
      expect(() => decode(good.subarray(0, length))).toThrow(ControlError)
  })

  test('bytes of something else are refused with what was expected', () => {
    expect(() => decode(new Uint8Array(64))).toThrow(/expected identifier MGC1/)
    expect(() => decode(new Uint8Array())).toThrow(/too short/)
    expect(() => decodeApplication(new Uint8Array([1]))).toThrow(ControlError)
  })
})

describe('shapes', () => {
  const schema = readFileSync(join(import.meta.dirname, '../../schemas/control.fbs'), 'utf8')

  /** Names of the fields in the order of their slots, `!` for required, as the schema has them. */
  function fieldsOf(name: string): string[] {
    const body = new RegExp(`\\btable ${name} \\{([^}]*)\\}`).exec(schema)?.[1] ?? ''
    return body
      .replaceAll(/\/\/.*$/gm, '')
      .split(';')
      .map((field) => /^\s*(\w+)\s*:\s*([^\s=(]+)(.*)$/s.exec(field))
      .filter((match) => match !== null)
      .flatMap(([, field, type, rest]) => {
        const shown = `${field}${rest!.includes('required') ? '!' : ''}`
        return type === 'Command' ? [`${field}_type`, shown] : [shown]
      })
  }

  test.each([...bodies, applicationDescription, driverDescription])(
    '$name is what the schema says',
    (table: Table) => {
      expect(table.fields.map(({ name, required }) => `${name}${required ? '!' : ''}`)).toEqual(
        fieldsOf(table.name),
      )
    },
  )
})
