/**
 * What a master says, read where Spark 4.3.0 has it: the class's name, its first numbers and the first text after them.
 * Nothing is built of the rest. What is laid out otherwise is read by the gateway's reader of Java streams.
 */
import { readJavaStream } from '../../../src/spark/java/reader.js'
import { JavaObject, JavaString } from '../../../src/spark/java/tree.js'
import { fieldOf, moduleName, objectOf, optionOf } from '../../../src/spark/java/values.js'

const DEPLOY_MESSAGES = 'org.apache.spark.deploy.DeployMessages$'
const NAME_AT = 8
const TC_OBJECT = 0x73
const TC_CLASSDESC = 0x72
const TC_STRING = 0x74
const TC_REFERENCE = 0x71
const TC_NULL = 0x70
const TC_ENDBLOCKDATA = 0x78
const OBJECT_TYPE = 0x4c
const ARRAY_TYPE = 0x5b

/** Where the Java stream of a request begins: after sender, receiver and the endpoint's name. */
export function streamAt(body: Buffer): number {
  const receiverAt = afterAddress(body, 0)
  const endpointAt = afterAddress(body, receiverAt)
  return endpointAt + 2 + body.readUInt16BE(endpointAt)
}

function afterAddress(body: Buffer, at: number): number {
  return body[at] === 0 ? at + 1 : at + 7 + body.readUInt16BE(at + 1)
}

/** Whom a request is for, by the host of the reference that it was sent through; null: it has none. */
export function receiverOf(body: Buffer): string | null {
  const at = afterAddress(body, 0)
  if (body[at] === 0) return null
  return body.toString('latin1', at + 3, at + 3 + body.readUInt16BE(at + 1))
}

/** @returns the message's name without its package; that of a Scala object when it is one */
export function kindOf(stream: Buffer): string {
  const end = NAME_AT + stream.readUInt16BE(NAME_AT - 2)
  if (stream[4] === TC_OBJECT && stream[5] === TC_CLASSDESC) {
    const name = stream.toString('latin1', NAME_AT, end)
    if (name.startsWith(DEPLOY_MESSAGES)) return name.slice(DEPLOY_MESSAGES.length)
    if (!name.endsWith('ModuleSerializationProxy')) return name
  }
  const { root } = readJavaStream(stream)
  if (!(root instanceof JavaObject)) return 'a value'
  return (moduleName(root) ?? root.descriptor.name).replace(DEPLOY_MESSAGES, '').replace(/\$$/, '')
}

/** @returns where the data of the stream's object begins; -1 when its class has a superclass or is not described there */
function dataAt(stream: Buffer): number {
  if (stream[4] !== TC_OBJECT || stream[5] !== TC_CLASSDESC) return -1
  let at = NAME_AT + stream.readUInt16BE(NAME_AT - 2) + 9
  const fields = stream.readUInt16BE(at)
  at += 2
  for (let field = 0; field < fields; field++) {
    const type = stream[at]
    at += 3 + stream.readUInt16BE(at + 1)
    if (type !== OBJECT_TYPE && type !== ARRAY_TYPE) continue
    if (stream[at] === TC_STRING) at += 3 + stream.readUInt16BE(at + 1)
    else if (stream[at] === TC_REFERENCE) at += 5
    else return -1
  }
  return stream[at] === TC_ENDBLOCKDATA && stream[at + 1] === TC_NULL ? at + 2 : -1
}

/** @param order of the number among those of its class @param name for the slow path */
function numberIn(stream: Buffer, order: number, name: string): number {
  const at = dataAt(stream)
  if (at >= 0) return stream.readInt32BE(at + 4 * order)
  const value = fieldOf(objectOf(readJavaStream(stream).root), name)
  if (typeof value !== 'number') throw new Error(`${name} of ${kindOf(stream)} is no number`)
  return value
}

function textIn(stream: Buffer, numbersBytes: number, name: string): string {
  const at = dataAt(stream) + numbersBytes
  if (at >= numbersBytes && stream[at] === TC_STRING)
    return stream.toString('latin1', at + 3, at + 3 + stream.readUInt16BE(at + 1))
  return textOf(fieldOf(objectOf(readJavaStream(stream).root), name))
}

function textOf(value: unknown): string {
  if (!(value instanceof JavaString)) throw new Error('a text was expected')
  return value.value
}

/** A text of its own that starts so, the last in the stream; null: there is none that this finds. */
function lastText(stream: Buffer, start: string): string | null {
  const at = stream.lastIndexOf(start, stream.length, 'latin1')
  if (at < 3 || stream[at - 3] !== TC_STRING) return null
  return stream.toString('latin1', at, at + stream.readUInt16BE(at - 2))
}

export interface ExecutorName {
  readonly appId: string
  readonly execId: number
}

/** Of LaunchExecutor: cores, execId, memory and rpId come first, the application's description before its id. */
export function launchedExecutor(stream: Buffer): ExecutorName & { readonly cores: number } {
  const appId =
    lastText(stream, 'app-') ?? textOf(fieldOf(objectOf(readJavaStream(stream).root), 'appId'))
  return {
    appId,
    execId: numberIn(stream, 1, 'execId'),
    cores: numberIn(stream, 0, 'cores'),
  }
}

/** Of KillExecutor. */
export function killedExecutor(stream: Buffer): ExecutorName {
  return { appId: textIn(stream, 4, 'appId'), execId: numberIn(stream, 0, 'execId') }
}

/** Of RegisteredApplication. */
export function registeredAppId(stream: Buffer): string {
  return textIn(stream, 0, 'appId')
}

/** Of ExecutorAdded. */
export function addedExecutorId(stream: Buffer): number {
  return numberIn(stream, 1, 'id')
}

/** Of ExecutorUpdated. */
export function updatedExecutorId(stream: Buffer): number {
  return numberIn(stream, 0, 'id')
}

/** Of LaunchDriver. */
export function launchedDriverId(stream: Buffer): string {
  return (
    lastText(stream, 'driver-') ??
    textOf(fieldOf(objectOf(readJavaStream(stream).root), 'driverId'))
  )
}

/** Of KillDriver and RegisterWorkerFailed, whose only field it is. */
export function onlyText(stream: Buffer, name: string): string {
  return textIn(stream, 0, name)
}

/** Of SubmitDriverResponse. @returns null when the master refused it */
export function submittedDriverId(stream: Buffer): string | null {
  const at = dataAt(stream)
  const found = stream.indexOf('driver-', 0, 'latin1')
  if (at >= 0 && stream[at] === 1 && found > 3 && stream[found - 3] === TC_STRING)
    return stream.toString('latin1', found, found + stream.readUInt16BE(found - 2))
  const content = optionOf(fieldOf(objectOf(readJavaStream(stream).root), 'driverId'))
  return content === null ? null : textOf(content)
}

/** Of a java.lang.Boolean, which ends with its value. */
export function booleanIn(stream: Buffer): boolean {
  return stream[stream.length - 1] === 1
}
